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
from dagster_dot.suite_checks import build_dot_evaluation_checks
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import Seconds
from dot_provider.api.evaluations import POLL_INTERVAL
from dot_provider.api.run_evaluation import EVALUATION_TIMEOUT


def _resolve_key(context: dg.ResolutionContext, key: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(read_text(context, key))


@scaffolded_by(EvaluationParams)
class DotEvaluationComponent(DotStepComponent):
    """Runs an evaluation of Dot's and shows its verdict as checks on an asset."""

    catalog: ClassVar = Catalog(
        "Dot: evaluate answers", "Runs an evaluation of Dot's answers as asset checks.", ("asset_check",)
    )

    evaluation_id: Annotated[
        str | None, text("The evaluation's id in Dot; the suite's without it.", examples=["revenue"])
    ] = None
    suite_file: Annotated[
        str | None,
        text("A suite with expected answers, as YAML or JSON.", examples=["{{ project_root }}/evaluations/shop.yaml"]),
    ] = None
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
    sql_resource_key: Annotated[str | None, text("Resource that a suite's SQL runs on.", examples=["warehouse"])] = None
    dbt_manifest: Annotated[
        str | None, text("dbt's manifest.json or its folder, for ref and source in a suite.", advanced=True)
    ] = None
    dbt_project_dir: Annotated[str | None, text("The dbt project that MetricFlow runs in.", advanced=True)] = None
    mf_command: Annotated[Sequence[str], texts("MetricFlow's command.", advanced=True)] = Field(
        default_factory=lambda: ["mf"]
    )
    baseline: Annotated[
        str | None, text("latest_pass, or a run's id: what passed there must pass now.", examples=["latest_pass"])
    ] = None
    confirm_failures: Annotated[int, field("How often a suite's failed questions are asked again.", examples=[1])] = 0
    target_environment: Annotated[
        str | None, text("Environment that a suite tests; the resource's own without it.", advanced=True)
    ] = None
    per_question: Annotated[bool, field("False for a suite's check on the whole alone.", advanced=True)] = True
    severity: Annotated[
        dg.AssetCheckSeverity, field("ERROR, or WARN for a failed check that stops nothing.", examples=["WARN"])
    ] = dg.AssetCheckSeverity.ERROR
    on_fail: Annotated[Literal["fail", "warn"], field("warn for the severity WARN, as in Airflow.")] = "fail"
    blocking: Annotated[bool, field("True to stop what is downstream after a failed check.")] = False
    timeout: Annotated[Seconds, seconds("Seconds that the evaluation may take.")] = EVALUATION_TIMEOUT
    poll_interval: Annotated[Seconds, seconds("Seconds between two looks at it.")] = POLL_INTERVAL

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the checks."""
        build: Any = build_dot_evaluation_check if self.suite_file is None else build_dot_evaluation_checks
        given: Any = self.arguments(build) | self.step_options
        refused = {build_dot_evaluation_check: build_dot_evaluation_checks}.get(build, build_dot_evaluation_check)
        for name in self.model_fields_set & self.arguments(refused).keys() - given.keys() - {"suite_file"}:
            raise DotUsageError(
                f"{name} belongs to an evaluation {'with' if self.suite_file is None else 'without'} suite_file."
            )
        if self.suite_file is None and self.evaluation_id is None:
            raise DotUsageError("Give evaluation_id, the id in Dot, or a suite_file.")
        return self.definitions(build(asset=self.checked_asset, **given))
