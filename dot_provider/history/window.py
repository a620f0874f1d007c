"""Which days of history to ask Dot for.

Dot does not say in which time zone it reads ``start_date`` and ``end_date``, whether the last day is included, nor
whether a chat counts by its first or its latest message. A window is therefore half-open, made of whole days, and never
used to filter what comes back: a server that excludes ``end_date`` returns exactly the window, one that includes it
returns a day more, and both end in the same rows, because loading a conversation again replaces it. ``lookback_days``
asks for earlier days once more, for chats that went on, were rated or labelled after their day was exported, and for
the hours in which Dot's day and the scheduler's day differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo

from dot_provider.api.arguments import checked_day, ordered_days
from dot_provider.api.errors import DotUsageError

DEFAULT_LOOKBACK_DAYS = 3
DEFAULT_DAYS = 14

_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class HistoryWindow:
    """The days from ``start`` up to, not including, ``end``.

    Raises:
        DotUsageError: ``end`` is not after ``start``.
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if not isinstance(value, date) or isinstance(value, datetime):
                raise DotUsageError(f"{name} must be a date without a time, not {type(value).__name__}.")
        if self.end <= self.start:
            raise DotUsageError(f"The window must end after it starts ({self.start}), but ends {self.end}.")

    @classmethod
    def of_dates(
        cls,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        *,
        today: date | None = None,
    ) -> HistoryWindow:
        """Build the window that a user wrote down, with Dot's own defaults for what is left out.

        Args:
            start_date: First day, a date or ``YYYY-MM-DD``; two weeks before ``end_date`` when left out.
            end_date: The day after the last one; tomorrow when left out. The same date as ``start_date`` means that
                one day.
            today: What counts as today (default: the current day in UTC).

        Raises:
            DotUsageError: A date cannot be read, or ``end_date`` is before ``start_date``.
        """
        today = today or datetime.now(timezone.utc).date()
        end = _read_date("end_date", end_date)
        start = _read_date("start_date", start_date)
        if end is None:
            end = today + _DAY
        if start is None:
            start = end - timedelta(days=DEFAULT_DAYS)
        ordered_days(start, end)
        return cls(start, max(end, start + _DAY))

    @classmethod
    def of_interval(
        cls,
        start: datetime,
        end: datetime,
        *,
        lookback_days: int = DEFAULT_LOOKBACK_DAYS,
        tz: tzinfo = timezone.utc,
    ) -> HistoryWindow:
        """Build the smallest window of whole days that covers a data interval or partition, plus the lookback.

        Args:
            start: Start of the interval, with a time zone.
            end: End of the interval, exclusive, with a time zone; equal to ``start`` for a run without an interval,
                which covers the day of ``start``.
            lookback_days: How many days before the interval to ask for again; 0 or more.
            tz: The time zone whose days are meant.

        Raises:
            DotUsageError: A time has no time zone, ``end`` lies before ``start`` or ``lookback_days`` is negative.
        """
        for name, value in (("start", start), ("end", end)):
            if value.tzinfo is None:
                raise DotUsageError(f"The {name} of the interval needs a time zone ({value.isoformat()} has none).")
        if end < start:
            raise DotUsageError(f"The interval ends ({end.isoformat()}) before it starts ({start.isoformat()}).")
        if isinstance(lookback_days, bool) or not isinstance(lookback_days, int) or lookback_days < 0:
            raise DotUsageError(f"lookback_days must be a whole number of days, 0 or more, not {lookback_days!r}.")
        first, last = start.astimezone(tz), end.astimezone(tz)
        end_day = last.date() if last.time() == time.min else last.date() + _DAY
        return cls(first.date() - timedelta(days=lookback_days), max(end_day, first.date() + _DAY))

    @property
    def days(self) -> int:
        """How many days the window has; at least one."""
        return (self.end - self.start).days

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"


def _read_date(name: str, value: date | str | None) -> date | None:
    return date.fromisoformat(checked_day(name, value)) if value else None
