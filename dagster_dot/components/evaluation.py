"""``dagster_dot.DotEvaluationComponent``: an evaluation of Dot's answers as asset checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import dagster as dg

from dagster_dot.components.base import DotStepComponent
from dagster_dot.components.form_fields import read_text, words_of
from dagster_dot.components.scaffolding import MY_CONNECTION, Cron, dot_component
from dagster_dot.evaluation import build_dot_evaluation_check
from dagster_dot.suite_checks import build_dot_evaluation_checks
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import Seconds
from dot_provider.api.evaluations import POLL_INTERVAL
from dot_provider.api.run_evaluation import EVALUATION_TIMEOUT


def _resolve_key(context: dg.ResolutionContext, key: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(read_text(context, key))


@dot_component(
    "Dot: evaluate answers",
    scaffold={
        "evaluation_id": "my_evaluation",
        "checked_asset": f"dot/dbt/{MY_CONNECTION}",
        "min_pass_rate": (float | None, None),
        "schedule": (Cron | None, None),
    },
)
class DotEvaluationComponent(DotStepComponent):
    """Runs an evaluation of Dot's answers and shows its verdict as checks on an asset.

    Without a schedule of its own it runs in each run that materializes the asset; with one, at its own times alone.
    """

    produces: ClassVar[Sequence[str]] = ("asset_check",)
    builder: ClassVar[Callable[..., Any]] = build_dot_evaluation_check

    evaluation_id: Annotated[str | None, "The evaluation's id in Dot; the suite's without it."] = None
    suite_file: str | None = None
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
    sql_resource_key: str | None = None
    dbt_manifest: str | None = None
    dbt_project_dir: str | None = None
    mf_command: Sequence[str] = ("mf",)
    baseline: str | None = None
    confirm_failures: int = 0
    target_environment: str | None = None
    per_question: bool = True
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    on_fail: Literal["fail", "warn"] = "fail"
    blocking: bool = False
    timeout: Seconds = EVALUATION_TIMEOUT
    poll_interval: Seconds = POLL_INTERVAL

    @classmethod
    def words(cls) -> Mapping[str, str]:
        """Return what the fields are: the arguments of both builders."""
        return {**words_of(build_dot_evaluation_checks), **super().words()}

    @property
    def checks(self) -> dg.AssetChecksDefinition:
        """The checks as the builder of the same arguments makes them."""
        build, other = build_dot_evaluation_check, build_dot_evaluation_checks
        if self.suite_file is not None:
            build, other = other, build  # type: ignore[assignment]
        given: Any = self.arguments(build) | self.step_options
        for name in sorted(self.model_fields_set & self.arguments(other).keys() - given.keys() - {"suite_file"}):
            raise DotUsageError(
                f"{name} belongs to an evaluation {'with' if self.suite_file is None else 'without'} suite_file."
            )
        if self.suite_file is None and self.evaluation_id is None:
            raise DotUsageError("evaluation_id, the id in Dot, or a suite_file is needed.")
        return build(asset=self.checked_asset, **given)

    def refuse_mistakes(self) -> None:
        """Refuse what the builder refuses."""
        assert self.checks

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the checks."""
        return self.definitions(self.checks)
