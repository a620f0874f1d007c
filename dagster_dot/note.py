"""Notes as assets: written knowledge that Dot reads before it answers, kept where the data is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import Materialize, Results, build_step
from dagster_dot.asset_options import AssetOptions, asset_spec, cleaned
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import checked_text

if TYPE_CHECKING:
    from dot_provider.api import DotClient

SHOWN_CHARACTERS = 10_000
"""How much of a note the asset's page shows."""

Text = str | Callable[[dg.AssetExecutionContext], str]


def build_dot_note_asset(
    *, title: str, markdown: Text | None = None, html: Text | None = None, **options: Unpack[AssetOptions]
) -> dg.AssetsDefinition:
    """Build the asset of a note: materializing it creates the note, or replaces it where its text changed.

    ``GET`` and ``POST /org_notes``, ``PUT /org_notes/{id}``; a marked section of the single note on an older Dot.

    Args:
        title: the note's title, which identifies it.
        markdown: its text, or a function of the context that returns it.
        html: its text as HTML instead, such as a wiki page; scripts, styles and comments are dropped.
        **options: see ``AssetOptions``; the key is ``dot/<words of the title>`` by default.

    Raises:
        DotUsageError: title or text is empty, or not exactly one of ``markdown`` and ``html`` is given.

    Examples:
        >>> build_dot_note_asset(title="Revenue", markdown="Revenue is net of returns.")
        >>> build_dot_note_asset(title="Calendar", markdown=lambda context: calendar_as_markdown(), deps=[calendar])
    """
    spec = note_spec(title, **options)
    return build_step([spec], writing(spec.key, title, markdown, html), options)


def note_spec(title: str, **options: Unpack[AssetOptions]) -> dg.AssetSpec:
    """Return the spec of a note's asset."""
    words = cleaned(checked_text("title", title))
    return asset_spec(["dot", words], f"The note {title!r}, which Dot reads before it answers.", **options)


def writing(key: dg.AssetKey, title: str, markdown: Text | None = None, html: Text | None = None) -> Materialize:
    """Return what the step of a note does; the arguments are those of ``build_dot_note_asset``."""
    name, written = ("html", html) if markdown is None else ("markdown", markdown)
    if written is None or (name == "markdown" and html is not None):
        raise DotUsageError("Give exactly one of markdown and html.")
    if isinstance(written, str):
        checked_text(name, written)

    def materialize(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        from dot_provider.api.notes import markdown_from_html

        text = written if isinstance(written, str) else written(context)
        text = text if name == "markdown" else markdown_from_html(text)
        done = client.upsert_note(title, text)
        facts = {"outcome": done.outcome, "characters": len(text)}
        shown = dg.MetadataValue.md(text[:SHOWN_CHARACTERS])
        yield dg.MaterializeResult(asset_key=key, metadata={**facts, "note": shown})

    return materialize
