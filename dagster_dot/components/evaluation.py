"""``dagster_dot.DotEvaluationComponent``: an evaluation of Dot's answers as asset checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import dagster as dg
from pydantic import Field

from dagster_dot.components.hints import field, form, type_spec
from dagster_dot.components.scaffolding import EvaluationScaffolder
from dagster_dot.components.step import DotStepComponent
from dagster_dot.components.texts import seconds, text, texts
from dagster_dot.evaluation import build_dot_evaluation_check
from dot_provider.api.calls.arguments import Seconds
from dot_provider.api.flows.evaluate import EVALUATION_TIMEOUT, POLL_INTERVAL


def _resolve_key(context: dg.ResolutionContext, key: str) -> dg.AssetKey:
    return dg.AssetKey.from_user_string(context.resolve_value(key, as_type=str))


@dg.scaffold_with(EvaluationScaffolder)
class DotEvaluationComponent(DotStepComponent):
    """Runs an evaluation of Dot's and shows its verdict as checks on an asset."""

    evaluation_id: Annotated[str, text("evaluation_id", "The evaluation's id in Dot.", examples=["revenue"])]
    checked_asset: Annotated[
        dg.AssetKey,
        dg.Resolver(
            _resolve_key,
            model_field_type=str,
            description="Key of the asset that is checked, often a sync.",
            examples=["dot/dbt/shop"],
        ),
    ]
    name: Annotated[str, field("Name of the check on the whole run.")] = "dot_evaluation"
    questions: Annotated[
        Sequence[str],
        texts("questions", "Questions that get a check of their own.", examples=[["What was revenue last month?"]]),
    ] = Field(default_factory=list)
    min_pass_rate: Annotated[
        float | None, field("Share of questions that must pass, 0 to 1; Dot's verdict without it.", examples=[0.9])
    ] = None
    blocking: Annotated[bool, field("True to stop what is downstream after a failed check.")] = False
    timeout: Annotated[Seconds, seconds("timeout", "Seconds that the evaluation may take.")] = EVALUATION_TIMEOUT
    poll_interval: Annotated[Seconds, seconds("poll_interval", "Seconds between two looks at it.")] = POLL_INTERVAL

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec("Runs an evaluation of Dot's answers as asset checks.", "asset_check")

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot: evaluate answers")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the checks."""
        checks = build_dot_evaluation_check(
            evaluation_id=self.evaluation_id,
            asset=self.checked_asset,
            name=self.name,
            questions=self.questions,
            min_pass_rate=self.min_pass_rate,
            blocking=self.blocking,
            timeout=self.timeout,
            poll_interval=self.poll_interval,
            **self.step_options,
        )
        return dg.Definitions(asset_checks=[checks])
