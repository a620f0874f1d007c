from __future__ import annotations

import struct
import zlib

import pytest

from dot_provider.sandbox.chart import HEIGHT, WIDTH, draw, short
from dot_provider.sandbox.findings import Chart

BAR = 2


def pixels(png: bytes) -> list[bytes]:
    """Decode the only kind of PNG that is drawn: one byte per pixel, no filter."""
    chunks, position = {}, 8
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        data = png[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack(">I", png[position + 8 + length : position + 12 + length])
        assert checksum == zlib.crc32(kind + data)
        chunks[kind], position = data, position + 12 + length
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (WIDTH, HEIGHT)
    raw = zlib.decompress(chunks[b"IDAT"])
    return [raw[row * (WIDTH + 1) + 1 : (row + 1) * (WIDTH + 1)] for row in range(HEIGHT)]


def bar_heights(values: tuple[float, ...]) -> list[int]:
    rows = pixels(draw(Chart("title", tuple("abc"[: len(values)]), values)))
    columns = [sum(row[x] == BAR for row in rows) for x in range(WIDTH)]
    starts = [x for x in range(1, WIDTH) if columns[x] and not columns[x - 1]]
    return [columns[x + 1] for x in starts]


def test_it_is_a_png_that_begins_with_its_signature() -> None:
    assert draw(Chart("t", ("a",), (1.0,))).startswith(b"\x89PNG\r\n\x1a\n")


def test_bars_are_as_high_as_their_values() -> None:
    low, middle, high = bar_heights((100.0, 200.0, 400.0))
    assert high == pytest.approx(2 * middle, abs=3)
    assert middle == pytest.approx(2 * low, abs=3)


def test_negative_values_hang_below_the_line() -> None:
    up, down = bar_heights((5.0, -5.0))
    assert up == pytest.approx(down, abs=3)


@pytest.mark.parametrize("values", [(), (0.0,), tuple(range(100))])
def test_no_values_zeros_and_too_many_are_drawn(values: tuple[float, ...]) -> None:
    pixels(draw(Chart("t", tuple(str(v) for v in values), values)))


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (0.5, "0.50"), (9999, "9999"), (12_500, "12.5K"), (3.1e6, "3.1M"), (-2e9, "-2.0B")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
