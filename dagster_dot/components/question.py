"""``dagster_dot.DotQuestionComponent``: a question whose answer is an asset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import dagster as dg
from pydantic import Field

from dagster_dot.asset_factory import Materialize
from dagster_dot.components.base import Catalog, DotAssetComponent
from dagster_dot.components.hints import field, seconds, text, texts
from dagster_dot.components.scaffolding import QuestionParams, scaffolded_by
from dagster_dot.question import asking, question_spec
from dot_provider.api.arguments import Seconds
from dot_provider.api.ask import ANSWER_TIMEOUT
from dot_provider.api.conversations import Mode
from dot_provider.api.wait import POLL_INTERVAL


@scaffolded_by(QuestionParams)
class DotQuestionComponent(DotAssetComponent):
    """Asks Dot a question once per run, and shows answer, table, chart and SQL on the asset's page."""

    catalog: ClassVar = Catalog(
        "Dot: ask a question", "Asks Dot a question; the answer is an asset with table, chart and SQL."
    )

    question: Annotated[
        str,
        text(
            "What to ask; {partition_key} stands for the partition's key.",
            examples=["How many orders did we ship last week?"],
            multiline=True,
        ),
    ]
    follow_ups: Annotated[
        Sequence[str],
        texts("Further questions in the same chat.", examples=[["Which products fell behind?"]]),
    ] = Field(default_factory=list)
    mode: Annotated[
        Mode | None, field("economy, balanced or frontier; Dot's default without it.", examples=["balanced"])
    ] = None
    labels: Annotated[Sequence[str], texts("Labels that the chat gets in Dot.", examples=[["weekly"]])] = Field(
        default_factory=list
    )
    save_to: Annotated[
        str | None,
        text(
            "Folder or URL of a storage for the answer's files; {partition_key} stands for the partition's key.",
            examples=["s3://reports/orders"],
        ),
    ] = None
    timeout: Annotated[Seconds, seconds("Seconds that each answer may take.")] = ANSWER_TIMEOUT
    poll_interval: Annotated[Seconds, seconds("Seconds between two looks.")] = POLL_INTERVAL

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/<words of the question>`` by default."""
        return question_spec(self.question, **self.asset_options)

    def get_step(self) -> Materialize:
        """Return what asks, or attaches to what was asked, and shows the answer."""
        return asking(self.get_asset_spec().key, **self.arguments(asking))
