"""Draws a bar chart as a PNG, with nothing but zlib."""

from __future__ import annotations

import struct
import zlib

from dot_provider.sandbox import font
from dot_provider.sandbox.findings import Chart

WIDTH, HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 24, 24, 60, 36
_BACKGROUND, _INK, _BAR, _GRID, _FAINT = range(5)
_PALETTE = bytes((255, 255, 255, 40, 44, 52, 59, 111, 216, 229, 232, 238, 105, 112, 125))
_MOST_BARS = 24
_WIDEST_BAR = 96


class _Canvas:
    """A picture of palette indices, drawn by filling rectangles."""

    def __init__(self) -> None:
        self.rows = [bytearray([_BACKGROUND]) * WIDTH for _ in range(HEIGHT)]

    def fill(self, x: int, y: int, width: int, height: int, color: int) -> None:
        left, right = max(0, x), min(WIDTH, x + width)
        if right > left:
            line = bytes([color]) * (right - left)
            for row in self.rows[max(0, y) : min(HEIGHT, y + height)]:
                row[left:right] = line

    def write(self, text: str, x: int, y: int, color: int, scale: int = 2) -> None:
        for across, down in font.pixels(text):
            self.fill(x + across * scale, y + down * scale, scale, scale, color)

    def write_centered(self, text: str, center: int, y: int, color: int, room: int) -> None:
        text = text[: max(1, room // (2 * font.ADVANCE))].strip()
        self.write(text, center - font.width(text), y, color)

    def png(self) -> bytes:
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\x00" + row for row in self.rows), 9)
        chunks = ((b"IHDR", header), (b"PLTE", _PALETTE), (b"IDAT", pixels), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def draw(chart: Chart) -> bytes:
    """Return a PNG of 640 x 360 pixels with one bar for each value (at most 24); values may be negative."""
    canvas = _Canvas()
    labels, values = chart.labels[:_MOST_BARS], chart.values[:_MOST_BARS]
    canvas.write(chart.title[:50], _LEFT, 14, _INK, 3)
    highest, lowest = max((0.0, *values)), min((0.0, *values))
    span = (highest - lowest) or 1.0
    room = HEIGHT - _TOP - _BOTTOM
    zero = _TOP + round(room * highest / span)
    for line in range(5):
        canvas.fill(_LEFT, _TOP + room * line // 4, WIDTH - _LEFT - _RIGHT, 1, _GRID)
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(values))
    width = max(1, min(_WIDEST_BAR, round(slot * 0.7)))
    for position, (label, value) in enumerate(zip(labels, values, strict=True)):
        size = round(room * abs(value) / span)
        center = round(_LEFT + slot * (position + 0.5))
        top = zero - size if value >= 0 else zero
        canvas.fill(center - width // 2, top, width, size, _BAR)
        canvas.write_centered(short(value), center, top - 14, _INK, round(slot))
        canvas.write_centered(label, center, HEIGHT - _BOTTOM + 12, _FAINT, round(slot))
    canvas.fill(_LEFT, zero, WIDTH - _LEFT - _RIGHT, 2, _INK)
    return canvas.png()


def short(value: float) -> str:
    """Format a number in few characters: 950, 12.5K, 3.1M."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e4, "K")):
        if abs(value) >= limit:
            scaled = value / (limit if unit != "K" else 1e3)
            return f"{scaled:.1f}{unit}"
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
