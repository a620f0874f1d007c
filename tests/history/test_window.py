from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.errors import DotUsageError
from dot_provider.history import HistoryWindow

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12", "Australia/Lord_Howe"]
TODAY = date(2026, 8, 15)


@given(zone=st.sampled_from(ZONES), first=st.dates(date(2023, 1, 1), date(2027, 1, 1)), days=st.integers(1, 400))
def test_daily_windows_tile_the_line_in_every_zone(zone: str, first: date, days: int) -> None:
    """Across DST changes and leap days there is neither a gap nor an overlap."""
    tz = ZoneInfo(zone)
    midnights = [
        datetime.combine(first + timedelta(days=n), datetime.min.time(), tz).astimezone(timezone.utc)
        for n in range(days + 1)
    ]
    windows = [HistoryWindow.of_interval(start, end, lookback_days=0, tz=tz) for start, end in pairwise(midnights)]
    assert windows[0].start == first
    assert all(earlier.end == later.start for earlier, later in pairwise(windows))
    assert all(window.days == 1 for window in windows)


@given(
    start=st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)), hours=st.integers(0, 2000), back=st.integers(0, 9)
)
def test_a_window_covers_its_interval_whatever_its_borders(start: datetime, hours: int, back: int) -> None:
    begin = start.replace(tzinfo=timezone.utc)
    end = begin + timedelta(hours=hours)
    window = HistoryWindow.of_interval(begin, end, lookback_days=back)
    assert window.start == begin.date() - timedelta(days=back)
    assert datetime.combine(window.end, datetime.min.time(), timezone.utc) >= end
    assert window.days <= hours / 24 + 2 + back


def test_a_run_without_an_interval_covers_its_day() -> None:
    moment = datetime(2026, 8, 1, 13, tzinfo=timezone.utc)
    assert HistoryWindow.of_interval(moment, moment, lookback_days=2) == HistoryWindow(
        date(2026, 7, 30), date(2026, 8, 2)
    )


def test_both_dates_are_always_asked_for() -> None:
    assert str(HistoryWindow.of_dates(today=TODAY)) == "2026-08-02 to 2026-08-16"
    assert str(HistoryWindow.of_dates("2026-08-10", today=TODAY)) == "2026-08-10 to 2026-08-16"


def test_dates_are_asked_for_as_they_were_written() -> None:
    window = HistoryWindow.of_dates("2026-02-27", date(2026, 3, 1))
    assert str(window) == "2026-02-27 to 2026-03-01"


def test_the_same_date_twice_means_that_day() -> None:
    assert HistoryWindow.of_dates("2026-08-01", "2026-08-01").days == 1


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-08-02", "2026-08-01", "end_date 2026-08-01 is before start_date 2026-08-02: swap or correct them"),
        ("2026-02-30", None, "start_date .* is not a day in the form YYYY-MM-DD"),
        (None, "yesterday", "end_date .* is not a day in the form YYYY-MM-DD"),
        ("20260801", None, "start_date .* is not a day in the form YYYY-MM-DD"),
    ],
)
def test_dates_that_cannot_be_meant_are_refused(start: str | None, end: str | None, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        HistoryWindow.of_dates(start, end, today=TODAY)


def test_an_interval_without_a_zone_is_refused() -> None:
    with pytest.raises(DotUsageError, match="needs a time zone"):
        HistoryWindow.of_interval(datetime(2026, 8, 1), datetime(2026, 8, 2))


@pytest.mark.parametrize("lookback", [-1, True, 1.5, "3"])
def test_a_lookback_that_is_no_number_of_days_is_refused(lookback: object) -> None:
    moment = datetime(2026, 8, 1, tzinfo=timezone.utc)
    with pytest.raises(DotUsageError, match="lookback_days"):
        HistoryWindow.of_interval(moment, moment, lookback_days=lookback)  # type: ignore[arg-type]


def test_a_window_that_does_not_move_forward_is_refused() -> None:
    with pytest.raises(DotUsageError, match="must end after it starts"):
        HistoryWindow(TODAY, TODAY)
