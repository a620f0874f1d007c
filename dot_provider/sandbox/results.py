"""What answering a question comes to, before it is put into Dot's message format: text, SQL, table, chart."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 360
BAR = (59, 111, 216)
_MARGIN, _TOP, _BOTTOM = 24, 76, 36
_BACKGROUND, _INK, _GRID, _FAINT = "#ffffff", "#282c34", "#e5e8ee", "#69707d"
_MOST_BARS = 24
_WIDEST_BAR = 96
_NARROWEST_TEXT = 56


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


def draw(chart: Chart) -> bytes:
    """Return a PNG of 640 x 360 pixels with one bar for each value (at most 24); values may be negative."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND)
    canvas = ImageDraw.Draw(picture)
    labels, values = chart.labels[:_MOST_BARS], chart.values[:_MOST_BARS]
    _write(canvas, chart.title, (_MARGIN, 34), 20, _INK, WIDTH - 2 * _MARGIN, "ls")
    highest, lowest = max((0.0, *values)), min((0.0, *values))
    span = (highest - lowest) or 1.0
    room = HEIGHT - _TOP - _BOTTOM
    zero = _TOP + round(room * (highest / span))
    for line in range(5):
        height = _TOP + room * line // 4
        canvas.line((_MARGIN, height, WIDTH - _MARGIN, height), _GRID)
    slot = (WIDTH - 2 * _MARGIN) / max(1, len(values))
    width = max(2, min(_WIDEST_BAR, round(slot * 0.7)))
    every = math.ceil(_NARROWEST_TEXT / slot)
    for position, (label, value) in enumerate(zip(labels, values, strict=True)):
        center = round(_MARGIN + slot * (position + 0.5))
        end = zero - round(room * (value / span))
        canvas.rectangle((center - width // 2, min(zero, end), center + width // 2, max(zero, end)), BAR)
        if position % every == 0:
            _write(canvas, short(value), (center, min(zero, end) - 5), 13, _INK, slot * every, "ms")
            _write(canvas, label, (center, HEIGHT - 14), 13, _FAINT, slot * every, "ms")
    canvas.line((_MARGIN, zero, WIDTH - _MARGIN, zero), _INK, 2)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def short(value: float) -> str:
    """Format a number in few characters: 950, 12.5K, 3.1M."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e4, "K")):
        if abs(value) >= limit:
            scaled = value / (limit if unit != "K" else 1e3)
            return f"{scaled:.1f}{unit}"
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def _write(
    canvas: ImageDraw.ImageDraw, text: str, at: tuple[int, int], size: int, color: str, room: float, anchor: str
) -> None:
    """Write a line of text, cut to ``room`` pixels."""
    font = ImageFont.load_default(size)
    # Pillow's own font has no accents, and shows a box for each.
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text[:100]) if not unicodedata.combining(sign))
    whole = shown = " ".join(plain.split())
    while shown and canvas.textlength(shown, font) > room - 4:
        whole = whole[:-1]
        shown = f"{whole}..." if whole else ""
    canvas.text(at, shown, color, font, anchor)
