"""An answer as markdown, for Dagster's asset pages, Airflow's logs and files."""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Iterator, Mapping
from itertools import islice

from dot_provider.api.answer import Answer, AnswerTable

MAX_ROWS = 50
"""Rows of a table that are rendered; the rest stays behind the answer's link."""

MAX_INLINE_CHART = 300_000
"""Bytes up to which a chart is embedded; a larger one is only linked."""

_LOADING = re.compile(
    r"<(?=(?:img|image|picture|source|svg|video|audio|track|iframe|frame|embed|object|link|style|script|input|form|meta"
    r"|base)\b)",
    re.IGNORECASE,
)


def answer_markdown(answer: Answer, charts: Mapping[str, bytes] | None = None) -> str:
    """Return ``answer`` as markdown: question, text, tables, charts, SQL, suggestions and the link to Dot.

    Args:
        answer: from ``DotClient.ask``.
        charts: PNG bytes by chart key, to be embedded as inline pictures; charts without bytes show what they say.
    """
    parts = [f"**{' '.join(answer.question.split())}**" if answer.question else "", _without_pictures(answer.text)]
    parts += [table_markdown(table) for table in answer.tables if not _stands_in(answer.text, table)]
    parts += [_chart(chart.key, chart.interpretation, (charts or {}).get(chart.key)) for chart in answer.charts]
    if answer.sql:
        parts.append(fenced(answer.sql, "sql"))
    if answer.suggested_follow_ups:
        parts.append("\n".join(["Dot suggests to ask next:", "", *(f"- {s}" for s in answer.suggested_follow_ups)]))
    # Not as [text](url): Airflow's log makes the closing parenthesis a part of the link.
    parts.append(f"Open in Dot: <{answer.url}>")
    return "\n\n".join(part for part in parts if part)


def _without_pictures(text: str) -> str:
    """Return Dot's text with pictures as links, and elements that load something as text.

    Who opens the page would otherwise tell the picture's server so, in words of whoever wrote into Dot's data. Links
    stay: a person follows them.
    """
    return _LOADING.sub("&lt;", text.replace("![", "["))


def table_markdown(table: AnswerTable) -> str:
    """Return the preview of a table as a markdown table, with its size and summary.

    A preview that is no CSV, whose columns are aligned by spaces, is shown as it is.
    """
    rows = _csv_cells(table.preview)
    lines: list[str] = []
    if rows:
        width = len(rows[0])
        lines = [_row(rows[0]), "|" + " --- |" * width]
        lines += [_row((row + [""] * width)[:width]) for row in rows[1:]]
    elif table.preview:
        lines = [fenced("".join(islice(_lines(table.preview), MAX_ROWS + 1)).rstrip())]
    size = f"{_count(table.shape[0], 'row')}, {_count(table.shape[1], 'column')}" if table.shape else ""
    notes = " · ".join(note for note in (size, table.summary) if note)
    return "\n\n".join(part for part in ("\n".join(lines), f"_{notes}_" if notes else "") if part)


def fenced(text: str, language: str = "") -> str:
    """Return ``text`` as a block of code whose fence no backticks within it can end."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _stands_in(text: str, table: AnswerTable) -> bool:
    """Whether Dot's text already shows the preview as a table of its own."""
    rows = [_row(cells) for cells in _csv_cells(table.preview) or _aligned_cells(table.preview)]
    return len(rows) > 1 and all(row in text for row in rows)


def table_rows(table: AnswerTable) -> list[dict[str, str]]:
    """Return the first ``MAX_ROWS`` rows of a table's preview as dicts keyed by column; none where it is no table.

    Missing cells are empty, and cells beyond the last column are left out.
    """
    header, *rows = _csv_cells(table.preview) or _aligned_cells(table.preview) or [[]]
    return [dict(zip(header, row + [""] * len(header), strict=False)) for row in rows]


def _csv_cells(preview: str) -> list[list[str]]:
    """Return the cells of a CSV's header and first rows; none where the columns are aligned by spaces instead."""
    # The preview can be a whole file of many megabytes: no more of it is read than is shown.
    lines = (line.replace("\0", "") for line in _lines(preview))
    try:
        rows = list(islice(filter(None, csv.reader(lines)), MAX_ROWS + 1))
    except csv.Error:
        return []
    return [] if rows and len(rows[0]) == 1 and "  " in preview else rows


def _aligned_cells(preview: str) -> list[list[str]]:
    """Return the cells of columns that are aligned by spaces; none where a cell is missing, so that no value shifts."""
    filled = (line.strip() for line in _lines(preview) if line.strip())
    rows = [re.split(" {2,}", line) for line in islice(filled, MAX_ROWS + 1)]
    widths = {len(row) for row in rows}
    return rows if len(widths) == 1 and widths != {1} else []


def _lines(text: str) -> Iterator[str]:
    # Neither splitlines nor StringIO, which copy all of the text before the first line.
    return (found[0] for found in re.finditer(r"[^\n]*\n|[^\n]+", text))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _chart(key: str, interpretation: str, png: bytes | None) -> str:
    picture = ""
    if png and len(png) <= MAX_INLINE_CHART:
        picture = f"![{re.sub(r'[^ -Z^-~]', ' ', key)}](data:image/png;base64,{base64.b64encode(png).decode()})"
    return "\n\n".join(part for part in (picture, interpretation) if part)
