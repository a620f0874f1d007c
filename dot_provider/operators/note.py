"""Keeping a note of Dot's up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator
from dot_provider.operators.paths import AnyPath, as_text, opened

if TYPE_CHECKING:
    from airflow.sdk import Context


class DotUpsertNoteOperator(DotOperator):
    """Create or replace a note, which Dot reads before it answers; the same text twice changes nothing.

    ``GET /org_notes``, ``POST /org_notes``, ``PUT /org_notes/{id}``; on an older Dot a section of its single note.

    Args:
        title: names the note.
        markdown: its text.
        html: its text as HTML instead, such as a wiki page or one of Confluence in its storage format; scripts, styles
            and comments are dropped.
        markdown_file: path of its text instead, local or in object storage.
        dbt_doc: its text as a docs block of dbt instead, such as ``doc.shop.revenue``, of ``dbt_manifest``.
        dbt_manifest: dbt's ``manifest.json``, its path or that of the target folder.
        block: name of one marked block of the note, which alone is replaced; what people wrote around it stays. Of a
            block of the script in Dot's documentation it is the address of the Confluence page.

    Returns:
        ``{"title": ..., "outcome": "created" | "updated" | "unchanged"}``

    Raises:
        DotUsageError: when the DAG is parsed, unless exactly one text is given.

    Example:
        >>> DotUpsertNoteOperator(task_id="glossary", title="Glossary", markdown="{{ ti.xcom_pull('read_wiki') }}")
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        *("title", "markdown", "html", "markdown_file", "dbt_doc", "dbt_manifest", "block"),
    )
    template_fields_renderers = {"markdown": "md", "html": "html"}

    def __init__(
        self,
        *,
        title: str,
        markdown: str | None = None,
        html: str | None = None,
        markdown_file: AnyPath | None = None,
        dbt_doc: str | None = None,
        dbt_manifest: AnyPath | None = None,
        block: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sum(text is not None for text in (markdown, html, markdown_file, dbt_doc)) != 1:
            raise DotUsageError(
                f"Task {self.task_id}: give exactly one of markdown and html, or markdown_file, or dbt_doc."
            )
        if (dbt_doc is None) != (dbt_manifest is None):
            raise DotUsageError(f"Task {self.task_id}: give dbt_doc and dbt_manifest together.")
        self.title = title
        self.markdown = markdown
        self.html = html
        self.markdown_file = as_text(markdown_file)
        self.dbt_doc = dbt_doc
        self.dbt_manifest = as_text(dbt_manifest)
        self.block = block

    def execute(self, context: Context) -> dict[str, str]:
        """Write the note, and return what became of it."""
        with self.dot() as dot:
            note = dot.upsert_note(self.title, self._text(), self.block)
        return {"title": note.title, "outcome": note.outcome}

    def _text(self) -> str:
        from dot_provider.api.notes import markdown_from_html, read_markdown

        if self.html is not None:
            return markdown_from_html(self.html)
        if self.markdown_file is not None:
            return read_markdown(opened(self.markdown_file, "markdown_file"))
        if self.dbt_doc is not None:
            from dot_provider.dbt import docs_block

            return docs_block(opened(self.dbt_manifest, "dbt_manifest"), self.dbt_doc)
        return self.markdown or ""
