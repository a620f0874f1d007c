"""Keeping a note of Dot's up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class DotUpsertNoteOperator(DotOperator):
    """Create or replace a note, which Dot reads before it answers; the same text twice changes nothing.

    ``GET /org_notes``, ``POST /org_notes``, ``PUT /org_notes/{id}``; on an older Dot a section of its single note.

    Args:
        title: names the note.
        markdown: its text.
        html: its text as HTML instead, such as a wiki page; scripts, styles and comments are dropped.

    Returns:
        ``{"title": ..., "outcome": "created" | "updated" | "unchanged"}``

    Raises:
        DotUsageError: when the DAG is parsed, unless exactly one of markdown and html is given.

    Example:
        >>> DotUpsertNoteOperator(task_id="glossary", title="Glossary", markdown="{{ ti.xcom_pull('read_wiki') }}")
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "title", "markdown", "html")
    template_fields_renderers = {"markdown": "md", "html": "html"}

    def __init__(self, *, title: str, markdown: str | None = None, html: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (markdown is None) == (html is None):
            raise DotUsageError(f"Task {self.task_id}: give exactly one of markdown and html.")
        self.title = title
        self.markdown = markdown
        self.html = html

    def execute(self, context: Context) -> dict[str, str]:
        """Write the note, and return what became of it."""
        from dot_provider.api.notes import markdown_from_html

        with self.dot() as dot:
            markdown = self.markdown if self.html is None else markdown_from_html(self.html)
            note = dot.upsert_note(self.title, markdown or "")
        return {"title": note.title, "outcome": note.outcome}
