"""What answering a question comes to, before it is put into Dot's message format."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Table:
    """Column names and rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def csv(self) -> str:
        """The table as CSV with a header line."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([self.columns, *self.rows])
        return buffer.getvalue()

    def preview(self, rows: int = 10) -> str:
        """The first rows as text in columns."""
        cells = [list(self.columns), *([show(value) for value in row] for row in self.rows[:rows])]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)

    def markdown(self, rows: int = 20) -> str:
        """The first rows as a markdown table."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows[:rows]]
        return "\n".join("| " + " | ".join(show(value) for value in line) + " |" for line in lines)


@dataclass(frozen=True)
class Chart:
    """A bar chart: one label and one value per bar."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Result:
    """The answer to one question: markdown text, the SQL behind it, its table, a chart, what to ask next.

    ``is_made_up`` says that there is no data behind it.
    """

    text: str
    sql: str
    table: Table
    chart: Chart
    follow_ups: tuple[str, ...] = ()
    is_made_up: bool = False


def show(value: Any) -> str:
    """Format one value for people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Decimal):
        return f"{value:,.2f}"
    return str(value)
