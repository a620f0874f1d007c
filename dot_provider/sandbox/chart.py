"""Draws a bar chart as a PNG, with nothing but zlib."""

from __future__ import annotations

import struct
import zlib

from dot_provider.sandbox.findings import Chart

WIDTH, HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 20, 44, 40
_BACKGROUND, _INK, _BAR, _GRID = range(4)
_PALETTE = bytes((255, 255, 255, 40, 44, 52, 59, 111, 216, 226, 229, 235))
_MOST_BARS = 24


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

    def png(self) -> bytes:
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\x00" + row for row in self.rows), 9)
        chunks = ((b"IHDR", header), (b"PLTE", _PALETTE), (b"IDAT", pixels), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def draw(chart: Chart) -> bytes:
    """Return a PNG of 640 x 360 pixels with one bar for each value; values may be negative."""
    canvas = _Canvas()
    values = chart.values[:_MOST_BARS] or (0.0,)
    highest, lowest = max(*values, 0.0), min(*values, 0.0)
    span = (highest - lowest) or 1.0
    height = HEIGHT - _TOP - _BOTTOM
    zero = _TOP + round(height * highest / span)
    for line in range(5):
        canvas.fill(_LEFT, _TOP + height * line // 4, WIDTH - _LEFT - _RIGHT, 1, _GRID)
    slot = (WIDTH - _LEFT - _RIGHT) / len(values)
    for position, value in enumerate(values):
        size = round(height * abs(value) / span)
        x = round(_LEFT + slot * (position + 0.15))
        canvas.fill(x, zero - size if value >= 0 else zero, max(1, round(slot * 0.7)), size, _BAR)
    canvas.fill(_LEFT, zero, WIDTH - _LEFT - _RIGHT, 1, _INK)
    return canvas.png()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
