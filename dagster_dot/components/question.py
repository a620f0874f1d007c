"""``dagster_dot.DotQuestionComponent``: a question whose answer is an asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg
from pydantic import Field

from dagster_dot.components.asset import DotAssetComponent
from dagster_dot.components.hints import field, form, type_spec
from dagster_dot.components.scaffolding import QuestionScaffolder
from dagster_dot.components.texts import seconds, text, texts
from dagster_dot.question import asking, question_spec
from dot_provider.api.calls.arguments import Seconds
from dot_provider.api.calls.conversations import Mode
from dot_provider.api.flows.ask import ANSWER_TIMEOUT
from dot_provider.api.flows.waiting import POLL_INTERVAL

if TYPE_CHECKING:
    from dot_provider.api import DotClient


@dg.scaffold_with(QuestionScaffolder)
class DotQuestionComponent(DotAssetComponent):
    """Asks Dot a question once per run, and shows answer, table, chart and SQL on the asset's page."""

    question: Annotated[
        str,
        text(
            "question",
            "What to ask; {partition_key} stands for the partition's key.",
            examples=["How many orders did we ship last week?"],
            multiline=True,
        ),
    ]
    follow_ups: Annotated[
        Sequence[str],
        texts("follow_ups", "Further questions in the same chat.", examples=[["Which products fell behind?"]]),
    ] = Field(default_factory=list)
    mode: Annotated[
        Mode | None, field("economy, balanced or frontier; Dot's default without it.", examples=["balanced"])
    ] = None
    labels: Annotated[Sequence[str], texts("labels", "Labels that the chat gets in Dot.", examples=[["weekly"]])] = (
        Field(default_factory=list)
    )
    save_to: Annotated[
        str | None,
        text(
            "save_to",
            "Folder or URL of a storage for the answer's files; {partition_key} stands for the partition's key.",
            examples=["s3://reports/orders"],
        ),
    ] = None
    timeout: Annotated[Seconds, seconds("timeout", "Seconds that each answer may take.")] = ANSWER_TIMEOUT
    poll_interval: Annotated[Seconds, seconds("poll_interval", "Seconds between two looks.")] = POLL_INTERVAL

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec("Asks Dot a question; the answer is an asset with table, chart and SQL.", "asset")

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot: ask a question")

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/<words of the question>`` by default."""
        return question_spec(self.question, **self.asset_options)

    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Ask, or attach to what was asked, and show the answer."""
        ask = asking(
            self.get_asset_spec().key,
            self.question,
            follow_ups=self.follow_ups,
            mode=self.mode,
            labels=self.labels,
            save_to=self.save_to,
            timeout=self.timeout,
            poll_interval=self.poll_interval,
        )
        yield from ask(context, client)
