"""Checks that several endpoints share, raised before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime

from dot_provider.api.errors import DotUsageError
from dot_provider.api.paths import checked_line


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
