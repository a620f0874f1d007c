"""An answer as markdown, for Dagster's asset pages, Airflow's logs and files; and as one plain line, for lists."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from html import escape
from itertools import islice
from textwrap import shorten

from dot_provider.api.answer import MAX_ROWS, Answer, AnswerTable, aligned_cells, csv_cells, lines_of

MAX_INLINE_CHART = 300_000
"""Bytes up to which a chart is embedded; a larger one is only linked."""

_LOADING = re.compile(
    r"<(?=(?:img|image|picture|source|svg|video|audio|track|iframe|frame|embed|object|link|style|script|input|form|meta"
    r"|base)\b)",
    re.IGNORECASE,
)


_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#222}}
table{{border-collapse:collapse}}td,th{{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}}
pre{{background:#f4f4f4;padding:.8rem;overflow:auto}}img{{max-width:100%}}</style></head>
<body>{body}</body></html>
"""


def answer_html(markdown: str, title: str) -> str:
    """Return an answer's markdown as a page that needs nothing else: charts inside, no scripts, no foreign requests.

    Raises:
        ImportError: markdown-it-py is not installed.
    """
    from markdown_it import MarkdownIt

    # Elements that Dot wrote as HTML are shown as text; of links, markdown-it refuses those that run something.
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return _PAGE.format(title=escape(" ".join(title.split())), body=body)


def summary_line(answer: Answer, length: int = 200) -> str:
    """Return the beginning of an answer's text as one plain line, for lists in which markdown is not shown."""
    text = re.sub(r"!?\[([^\]\n]{0,300})\]\([^)\s]{0,2000}\)", r"\1", answer.text[: 20 * length])
    lines = (re.sub(r"^[#>*+\-\s]+|[*`_|]{1,3}", " ", line) for line in text.splitlines() if line.strip(" |-:#"))
    return shorten(" ".join(lines), length, placeholder=" ...")


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
    rows = csv_cells(table.preview)
    lines: list[str] = []
    if rows:
        width = len(rows[0])
        lines = [_row(rows[0]), "|" + " --- |" * width]
        lines += [_row((row + [""] * width)[:width]) for row in rows[1:]]
    elif table.preview:
        lines = [fenced("".join(islice(lines_of(table.preview), MAX_ROWS + 1)).rstrip())]
    size = f"{_count(table.shape[0], 'row')}, {_count(table.shape[1], 'column')}" if table.shape else ""
    notes = " · ".join(note for note in (size, table.summary) if note)
    return "\n\n".join(part for part in ("\n".join(lines), f"_{notes}_" if notes else "") if part)


def fenced(text: str, language: str = "") -> str:
    """Return ``text`` as a block of code whose fence no backticks within it can end."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _stands_in(text: str, table: AnswerTable) -> bool:
    """Whether Dot's text already shows the preview as a table of its own."""
    rows = [_row(cells) for cells in csv_cells(table.preview) or aligned_cells(table.preview)]
    return len(rows) > 1 and all(row in text for row in rows)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _chart(key: str, interpretation: str, png: bytes | None) -> str:
    picture = ""
    if png and len(png) <= MAX_INLINE_CHART:
        picture = f"![{re.sub(r'[^ -Z^-~]', ' ', key)}](data:image/png;base64,{base64.b64encode(png).decode()})"
    return "\n\n".join(part for part in (picture, interpretation) if part)
