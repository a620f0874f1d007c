"""``dagster_dot.DotEvaluationComponent``: an evaluation of Dot's answers as asset checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import dagster as dg
from pydantic import Field

from dagster_dot.components.base import Catalog, DotStepComponent
from dagster_dot.components.hints import field, read_text, seconds, text, texts
from dagster_dot.components.scaffolding import EvaluationParams, scaffolded_by
from dagster_dot.evaluation import build_dot_evaluation_check
from dot_provider.api.arguments import Seconds
from dot_provider.api.evaluations import EVALUATION_TIMEOUT, POLL_INTERVAL


def _resolve_key(context: dg.ResolutionContext, key: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(read_text(context, key))


@scaffolded_by(EvaluationParams)
class DotEvaluationComponent(DotStepComponent):
    """Runs an evaluation of Dot's and shows its verdict as checks on an asset."""

    catalog: ClassVar = Catalog(
        "Dot: evaluate answers", "Runs an evaluation of Dot's answers as asset checks.", ("asset_check",)
    )

    evaluation_id: Annotated[str, text("The evaluation's id in Dot.", examples=["revenue"])]
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
    name: Annotated[str, text("Name of the check on the whole run.")] = "dot_evaluation"
    questions: Annotated[
        Sequence[str],
        texts("Questions that get a check of their own.", examples=[["What was revenue last month?"]]),
    ] = Field(default_factory=list)
    min_pass_rate: Annotated[
        float | None, field("Share of questions that must pass, 0 to 1; Dot's verdict without it.", examples=[0.9])
    ] = None
    severity: Annotated[
        dg.AssetCheckSeverity, field("ERROR, or WARN for a failed check that stops nothing.", examples=["WARN"])
    ] = dg.AssetCheckSeverity.ERROR
    on_fail: Annotated[Literal["fail", "warn"], field("warn for the severity WARN, as in Airflow.")] = "fail"
    blocking: Annotated[bool, field("True to stop what is downstream after a failed check.")] = False
    timeout: Annotated[Seconds, seconds("Seconds that the evaluation may take.")] = EVALUATION_TIMEOUT
    poll_interval: Annotated[Seconds, seconds("Seconds between two looks at it.")] = POLL_INTERVAL

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the checks."""
        given: Any = self.arguments(build_dot_evaluation_check) | self.step_options
        return self.definitions(build_dot_evaluation_check(asset=self.checked_asset, **given))
