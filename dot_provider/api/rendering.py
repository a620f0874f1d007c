"""An answer as markdown, for Dagster's asset pages, Airflow's logs and files."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping

from dot_provider.api.models.answer import Answer, AnswerTable

MAX_ROWS = 50
"""Rows of a table that are rendered; the rest stays behind the answer's link."""

MAX_INLINE_CHART = 300_000
"""Bytes up to which a chart is embedded; a larger one is only linked."""


def answer_markdown(answer: Answer, charts: Mapping[str, bytes] | None = None) -> str:
    """Return ``answer`` as markdown: question, text, tables, charts, SQL, suggestions and the link to Dot.

    Args:
        answer: from ``DotClient.ask``.
        charts: PNG bytes by chart key, to be embedded as inline pictures; charts without bytes show what they say.
    """
    parts = [f"**{' '.join(answer.question.split())}**" if answer.question else "", answer.text]
    parts += [table_markdown(table) for table in answer.tables]
    parts += [_chart(chart.key, chart.interpretation, (charts or {}).get(chart.key)) for chart in answer.charts]
    if answer.sql:
        parts.append(f"```sql\n{answer.sql}\n```")
    if answer.suggested_follow_ups:
        parts.append("\n".join(["Dot suggests to ask next:", "", *(f"- {s}" for s in answer.suggested_follow_ups)]))
    parts.append(f"[Open in Dot]({answer.url})")
    return "\n\n".join(part for part in parts if part)


def table_markdown(table: AnswerTable) -> str:
    """Return the preview of a table as a markdown table, with its size and summary.

    A preview that is no CSV, whose columns are aligned by spaces, is shown as it is.
    """
    rows = list(csv.reader(io.StringIO(table.preview)))
    lines: list[str] = []
    if rows and len(rows[0]) == 1 and "  " in table.preview:
        lines = ["```", *table.preview.splitlines()[: MAX_ROWS + 1], "```"]
    elif rows:
        width = len(rows[0])
        lines = [_row(rows[0]), "|" + " --- |" * width]
        lines += [_row((row + [""] * width)[:width]) for row in rows[1 : MAX_ROWS + 1]]
    size = f"{table.shape[0]} rows, {table.shape[1]} columns" if table.shape else ""
    notes = " · ".join(note for note in (size, table.summary) if note)
    return "\n".join(lines) + (f"\n\n_{notes}_" if notes else "")


def table_rows(table: AnswerTable) -> list[dict[str, str]]:
    """Return the preview of a table as one dict per row, keyed by column."""
    return [dict(row) for row in csv.DictReader(io.StringIO(table.preview), restval="", restkey="_more")]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _chart(key: str, interpretation: str, png: bytes | None) -> str:
    picture = ""
    if png and len(png) <= MAX_INLINE_CHART:
        picture = f"![{key}](data:image/png;base64,{base64.b64encode(png).decode()})"
    return "\n\n".join(part for part in (picture, interpretation) if part)
