from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.retry_after import parse_retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("0", 0.0),
        ("-1", 0.0),
        ("+3", 3.0),
        ("86400", 86400.0),
        (formatdate(NOW + 60, usegmt=True), 60.0),
        (formatdate(NOW - 60, usegmt=True), 0.0),
        ("Fri, 15 Jan 2027 08:00:30", 30.0),
    ],
)
def test_seconds_decimals_and_dates_are_understood(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "  ", "soon", "nan", "inf", "-inf", "1e3", "1_000", "٣", "1,5", "7 s", "9" * 400, ":", "0;0"),
        *("Fri, 99 Jan 2027 08:00:30 GMT", "Fri, 15 Jan 99999 08:00:30 GMT", "15 Jan 0000 00:00:00 -9999"),
    ],
)
def test_what_says_nothing_is_none(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


@given(st.text())
def test_no_text_breaks_it(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.floats(min_value=0, max_value=1e6), st.integers(0, 2_000_000_000))
def test_any_number_of_seconds_is_itself_whatever_the_clock_says(seconds: float, now: int) -> None:
    assert parse_retry_after(f"{seconds:.6f}", now) == pytest.approx(seconds, abs=1e-6)


@given(st.integers(0, 4_000_000_000), st.integers(-86_400, 86_400))
def test_a_date_is_the_time_until_it_and_never_negative(now: int, ahead: int) -> None:
    """Also with a clock that is wrong by an hour: the caller bounds what comes out."""
    wait = parse_retry_after(formatdate(now + ahead, usegmt=True), now)
    assert wait == max(0, ahead)
