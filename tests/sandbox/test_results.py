from __future__ import annotations

import io

import pytest
from PIL import Image

from dot_provider.sandbox.results import BAR, HEIGHT, WIDTH, Chart, draw, short


def picture(chart: Chart) -> Image.Image:
    with Image.open(io.BytesIO(draw(chart))) as opened:
        assert (opened.format, opened.size) == ("PNG", (WIDTH, HEIGHT))
        return opened.convert("RGB")


def bar_heights(values: tuple[float, ...]) -> list[int]:
    drawn = picture(Chart("title", tuple("abc"[: len(values)]), values))
    columns = [sum(drawn.getpixel((x, y)) == BAR for y in range(HEIGHT)) for x in range(WIDTH)]
    starts = [x for x in range(1, WIDTH) if columns[x] and not columns[x - 1]]
    return [columns[x + 1] for x in starts]


def test_bars_are_as_high_as_their_values() -> None:
    low, middle, high = bar_heights((100.0, 200.0, 400.0))
    assert high == pytest.approx(2 * middle, abs=3)
    assert middle == pytest.approx(2 * low, abs=3)


def test_negative_values_hang_below_the_line() -> None:
    up, down = bar_heights((5.0, -5.0))
    assert up == pytest.approx(down, abs=3)


@pytest.mark.parametrize("values", [(), (0.0,), tuple(range(100)), (1e308, -1e308)])
def test_no_values_zeros_and_too_many_are_drawn(values: tuple[float, ...]) -> None:
    picture(Chart("t", tuple(str(v) for v in values), values))


def test_any_text_is_drawn_and_cut_to_its_room() -> None:
    picture(Chart("Umsatz \x00\n je Région, 売上 " + "x" * 1000, ("a\nb", "", "y" * 500), (1.0, 2.0, 3.0)))


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (0.5, "0.50"), (9999, "9999"), (12_500, "12.5K"), (3.1e6, "3.1M"), (-2e9, "-2.0B")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text
