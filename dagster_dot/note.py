"""Notes as assets: written knowledge that Dot reads before it answers, kept where the data is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder
from dagster_dot.asset_options import AssetOptions, asset_spec, clean_name
from dagster_dot.components.base import DotAssetComponent
from dagster_dot.components.scaffolding import SCHEDULE, dot_component
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import checked_text

if TYPE_CHECKING:
    from dot_provider.api import DotClient

SHOWN_CHARACTERS = 10_000
"""How much of a note the asset's page shows."""

Text = str | Callable[[dg.AssetExecutionContext], str]


@asset_builder
def build_dot_note_asset(
    *, title: str, markdown: Text | None = None, html: Text | None = None, **options: Unpack[AssetOptions]
) -> AssetStep:
    """Build the asset of a note: materializing it creates the note, or replaces it where its text changed.

    ``GET`` and ``POST /org_notes``, ``PUT /org_notes/{id}``; a marked section of the single note on an older Dot.

    Args:
        title: the note's title, which identifies it.
        markdown: the note's text. In Python also a function of the context that returns it.
        html: the text as HTML instead, such as a wiki page; scripts, styles and comments are dropped.
        **options: see ``AssetOptions``; the key is ``dot/<words of the title>`` by default.

    Raises:
        DotUsageError: title or text is empty, or not exactly one of ``markdown`` and ``html`` is given.

    Examples:
        >>> build_dot_note_asset(title="Revenue", markdown="Revenue is net of returns.")
        >>> build_dot_note_asset(title="Calendar", markdown=lambda context: calendar_as_markdown(), deps=[calendar])
    """
    what = f"The note {checked_text('title', title)!r}, which Dot reads before it answers."
    name, written = ("html", html) if markdown is None else ("markdown", markdown)
    if written is None or (name == "markdown" and html is not None):
        raise DotUsageError("Give exactly one of markdown and html.")
    if isinstance(written, str):
        checked_text(name, written)

    def note_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        from dot_provider.api.notes import markdown_from_html

        text = written if isinstance(written, str) else written(context)
        text = text if name == "markdown" else markdown_from_html(text)
        facts = {"outcome": client.upsert_note(title, text).outcome, "characters": len(text)}
        yield dg.MaterializeResult(metadata={**facts, "note": dg.MetadataValue.md(text[:SHOWN_CHARACTERS])})

    return AssetStep([asset_spec(["dot", clean_name(title)], what, **options)], note_step, options)


@dot_component("Dot: keep a note", scaffold={"title": "Revenue", "markdown": "Revenue is net of returns.", **SCHEDULE})
class DotNoteComponent(DotAssetComponent):
    """Keeps a note that Dot reads before it answers in step with the text in this project."""

    builder: ClassVar = build_dot_note_asset

    title: str
    markdown: str | None = None
    html: str | None = None
