"""``dagster_dot.DotEvaluationComponent``: an evaluation of Dot's answers as asset checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import dagster as dg

from dagster_dot.components.base import DotStepComponent
from dagster_dot.components.form_fields import read_text
from dagster_dot.components.scaffolding import MY_CONNECTION, SCHEDULE, dot_component
from dagster_dot.evaluation import build_dot_evaluation_check
from dot_provider.api.arguments import Seconds
from dot_provider.api.evaluations import EVALUATION_TIMEOUT, POLL_INTERVAL


def _resolve_key(context: dg.ResolutionContext, key: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(read_text(context, key))


@dot_component(
    "Dot: evaluate answers",
    scaffold={
        "evaluation_id": "my_evaluation",
        "checked_asset": f"dot/dbt/{MY_CONNECTION}",
        "min_pass_rate": (float | None, None),
        **SCHEDULE,
    },
)
class DotEvaluationComponent(DotStepComponent):
    """Runs an evaluation of Dot's answers and shows its verdict as checks on an asset."""

    produces: ClassVar = ("asset_check",)
    builder: ClassVar = build_dot_evaluation_check

    evaluation_id: str
    checked_asset: Annotated[
        dg.AssetKey,
        dg.Resolver(
            _resolve_key,
            model_field_type=str,
            inject_before_resolve=False,
            description="Key of the asset that is checked, often a sync.",
            examples=["dot/dbt/shop"],
        ),
    ]
    name: str = "dot_evaluation"
    questions: Sequence[str] = ()
    min_pass_rate: float | None = None
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    on_fail: Literal["fail", "warn"] = "fail"
    blocking: bool = False
    timeout: Seconds = EVALUATION_TIMEOUT
    poll_interval: Seconds = POLL_INTERVAL

    @property
    def checks(self) -> dg.AssetChecksDefinition:
        """The checks as the builder of the same arguments makes them."""
        given: Any = self.arguments() | self.step_options
        return build_dot_evaluation_check(asset=self.checked_asset, **given)

    def check(self) -> None:
        """Refuse what the builder refuses."""
        assert self.checks

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the checks."""
        return self.definitions(self.checks)
