"""Checks that several endpoints share, raised before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import TypeAlias

from dot_provider.api.errors import DotUsageError
from dot_provider.api.paths import checked_line

Seconds: TypeAlias = float | timedelta
"""A time to wait: a number of seconds, or a ``timedelta``."""

LONGEST_WAIT = 10 * 365 * 86400.0
"""The longest time to wait, in seconds; calendars and databases cannot hold much more."""


def checked_text(field: str, value: object) -> str:
    """Return ``value`` where it is text with something in it.

    Raises:
        DotUsageError: it is not.
    """
    if not isinstance(value, str):
        raise DotUsageError(f"{field} must be text, not {type(value).__name__}.")
    if not value.strip():
        raise DotUsageError(f"{field} is empty.")
    return value


def checked_texts(field: str, values: object) -> list[str]:
    """Return ``values`` as a list where it is a list of texts, each with something in it, or an empty one.

    Raises:
        DotUsageError: it is something else, such as one text, which would count as a list of its characters.
    """
    if not isinstance(values, Collection) or isinstance(values, str | bytes | Mapping):
        raise DotUsageError(f"{field} must be a list of texts, not {type(values).__name__}.")
    return [checked_text(f"{field}[{i}]", value) for i, value in enumerate(values)]


def checked_seconds(field: str, value: object) -> float:
    """Return a time to wait in seconds, from a number of them or a ``timedelta``.

    Raises:
        DotUsageError: it is none, is not above 0, or is longer than ``LONGEST_WAIT``.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_WAIT:
        raise DotUsageError(f"{field} must be a number of seconds above 0, or a timedelta, not {str(value)[:40]!r}.")
    return float(seconds)


def checked_email(value: object, field: str = "email") -> str:
    """Return ``value`` without surrounding spaces where it looks like an e-mail address.

    Raises:
        DotUsageError: it does not.
    """
    text = checked_line(field, checked_text(field, value).strip())
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise DotUsageError(f"{field} {text!r} is not an e-mail address.")
    return text


def checked_day(field: str, value: str | date) -> str:
    """Return a day as Dot takes it, YYYY-MM-DD, from a date, a datetime or text.

    Raises:
        DotUsageError: it is no day.
    """
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return datetime.strptime(str(value).strip(), "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise DotUsageError(f"{field} {str(value)[:40]!r} is not a day in the form YYYY-MM-DD.") from None


def ordered_days(start_date: str | date, end_date: str | date) -> tuple[str, str]:
    """Return both days as YYYY-MM-DD.

    Raises:
        DotUsageError: one is no day, or the end comes before the start.
    """
    start, end = checked_day("start_date", start_date), checked_day("end_date", end_date)
    if end < start:
        raise DotUsageError(f"end_date {end} is before start_date {start}: swap or correct them.")
    return start, end
