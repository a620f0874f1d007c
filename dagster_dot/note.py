"""Notes as assets: written knowledge that Dot reads before it answers, kept where the data is made."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder
from dagster_dot.asset_options import AssetOptions, asset_spec, clean_name
from dagster_dot.components.base import DotAssetComponent
from dagster_dot.components.scaffolding import SCHEDULE, dot_component
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import checked_text
from dot_provider.api.notes import markdown_from_html, read_markdown, replace_block

if TYPE_CHECKING:
    from dot_provider.api import DotClient

SHOWN_CHARACTERS = 10_000
"""How much of a note the asset's page shows."""

Text = str | Callable[[dg.AssetExecutionContext], str]


@asset_builder
def build_dot_note_asset(
    *,
    title: str,
    markdown: Text | None = None,
    html: Text | None = None,
    markdown_file: str | PathLike[str] | None = None,
    dbt_doc: str | None = None,
    dbt_manifest: str | PathLike[str] | None = None,
    block: str | None = None,
    **options: Unpack[AssetOptions],
) -> AssetStep:
    """Build the asset of a note: materializing it creates the note, or replaces it where its text changed.

    ``GET`` and ``POST /org_notes``, ``PUT /org_notes/{id}``; a marked section of the single note on an older Dot.

    Args:
        title: the note's title, which identifies it.
        markdown: the note's text. In Python also a function of the context that returns it.
        html: the text as HTML instead, such as a wiki page or one of Confluence in its storage format; scripts, styles
            and comments are dropped.
        markdown_file: path of the text instead.
        dbt_doc: the text as a docs block of dbt instead, such as ``doc.shop.revenue``, of ``dbt_manifest``.
        dbt_manifest: dbt's ``manifest.json``, or the folder it is in, read when the step runs.
        block: name of one marked block of the note, which alone is replaced; what people wrote around it stays. Of a
            block of the script in Dot's documentation it is the address of the Confluence page.
        **options: see ``AssetOptions``; the key is ``dot/<words of the title>`` by default.

    Raises:
        DotUsageError: title or text is empty, or not exactly one text is given.

    Examples:
        >>> build_dot_note_asset(title="Revenue", markdown="Revenue is net of returns.")
        >>> build_dot_note_asset(title="Calendar", markdown=lambda context: calendar_as_markdown(), deps=[calendar])
    """
    what = f"The note {checked_text('title', title)!r}, which Dot reads before it answers."
    texts = {"markdown": markdown, "html": html, "markdown_file": markdown_file, "dbt_doc": dbt_doc}
    given = {name: text for name, text in texts.items() if text is not None}
    if len(given) != 1:
        raise DotUsageError("Give exactly one of markdown and html, or markdown_file, or dbt_doc.")
    if (dbt_doc is None) != (dbt_manifest is None):
        raise DotUsageError("dbt_doc and dbt_manifest go together: give both.")
    ((name, written),) = given.items()
    if isinstance(written, str):
        checked_text(name, written)
    if block is not None:
        replace_block("", block, "")  # refuses a name that no mark can hold

    def note_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        from dot_provider.dbt import docs_block

        text: Any = written(context) if callable(written) else written
        if name == "html":
            text = markdown_from_html(text)
        elif name == "markdown_file":
            text = read_markdown(Path(text))
        elif name == "dbt_doc":
            text = docs_block(dbt_manifest or "", text)
        facts = {"outcome": client.upsert_note(title, text, block).outcome, "characters": len(text)}
        yield dg.MaterializeResult(metadata={**facts, "note": dg.MetadataValue.md(text[:SHOWN_CHARACTERS])})

    # Each block of a note is an asset of its own.
    key = clean_name(title if block is None else f"{title} {block}")
    return AssetStep([asset_spec(["dot", key], what, **options)], note_step, options)


@dot_component("Dot: keep a note", scaffold={"title": "Revenue", "markdown": "Revenue is net of returns.", **SCHEDULE})
class DotNoteComponent(DotAssetComponent):
    """Keeps a note that Dot reads before it answers in step with the text in this project."""

    builder: ClassVar[Callable[..., Any]] = build_dot_note_asset

    title: str
    markdown: str | None = None
    html: str | None = None
    markdown_file: str | None = None
    dbt_doc: str | None = None
    dbt_manifest: str | None = None
    block: str | None = None
