"""Checks of arguments, raised before anything is sent, and paths that a request may have."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import TypeAlias
from urllib.parse import quote, unquote

from dot_provider.api.errors import DotUsageError

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def api_path(*parts: str | tuple[str, object]) -> str:
    """Join ``parts`` below ``/api``.

    A plain string is a literal of ours. A pair ``(field, value)`` is an id from outside: it is quoted as one segment,
    and refused when it is empty, a dot segment, or holds a slash, backslash or control character, because HTTP
    libraries and proxies resolve those to another endpoint even when they are quoted.

    Raises:
        DotUsageError: the value of a pair cannot be one path segment; the message names its field.
    """
    return "/api/" + "/".join(part if isinstance(part, str) else _segment(*part) for part in parts)


def checked_id(field: str, value: object) -> str:
    """Return ``value`` where it can stand for one thing in Dot: a non-empty string that is one path segment.

    Raises:
        DotUsageError: it cannot; the message names ``field`` and shows the value.
    """
    text = checked_line(field, value)
    for candidate in (text, unquote(text)):
        if candidate.strip() in ("", ".", "..") or "/" in candidate or "\\" in candidate:
            raise DotUsageError(
                f"{field} {_shown(text)} cannot hold '/' or '\\' or be a dot segment: give the bare id."
            )
        checked_line(field, candidate)
    return text


def checked_line(field: str, value: object) -> str:
    """Return ``value`` where it is text on one line, with something in it.

    Raises:
        DotUsageError: it is not; the message names ``field`` and shows the value.
    """
    text = checked_text(field, value)
    if _CONTROL.search(text):
        raise DotUsageError(f"{field} {_shown(text)} contains a control character: give it without.")
    return text


def _segment(field: str, value: object) -> str:
    return quote(checked_id(field, value), safe="")


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "...")


Seconds: TypeAlias = float | timedelta
"""A time to wait: a number of seconds, or a ``timedelta``."""

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)

LONGEST_WAIT = 10 * 365 * 86400.0
"""The longest time to wait, in seconds; calendars and databases cannot hold much more."""


def checked_text(field: str, value: object) -> str:
    """Return ``value`` where it is text with something in it.

    Raises:
        DotUsageError: it is not.
    """
    if not isinstance(value, str):
        raise DotUsageError(f"{field} must be text, not {type(value).__name__}.")
    if not says_something(value):
        raise DotUsageError(f"{field} is empty.")
    return value


def says_something(text: str) -> bool:
    """Whether anything of a text can be seen."""
    return any(sign.isprintable() and not sign.isspace() for sign in text)


def checked_texts(field: str, values: object) -> list[str]:
    """Return ``values`` as a list where it is a list of texts, each with something in it, or an empty one.

    Raises:
        DotUsageError: it is something else, such as one text, which would count as a list of its characters.
    """
    if not isinstance(values, Collection) or isinstance(values, str | bytes | Mapping):
        raise DotUsageError(f"{field} must be a list of texts, not {type(values).__name__}.")
    return [checked_text(f"{field}[{i}]", value) for i, value in enumerate(values)]


def hint_at(name: str, known: Sequence[str], what: str) -> str:
    """Return how a sentence on an unknown ``name`` ends: with the one that was probably meant, else with all of them.

    Args:
        name: what somebody wrote.
        known: what there is, as it is to be shown.
        what: how the list begins, such as "the options are".
    """
    from difflib import get_close_matches  # only an error needs it

    meant = get_close_matches(name, known, 1)
    return f"did you mean {meant[0]}?" if meant else f"{what} {', '.join(known)}."


def checked_seconds(field: str, value: object) -> float:
    """Return a time to wait in seconds, from a number of them or a ``timedelta``.

    Raises:
        DotUsageError: it is none, is not above 0, or is longer than ``LONGEST_WAIT``.
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_WAIT:
        raise DotUsageError(f"{field} must be a number of seconds above 0, or a timedelta, not {str(value)[:40]!r}.")
    return float(seconds)


def checked_flag(field: str, value: object) -> bool:
    """Return a switch: True or False, or their names in any case, as templates render them.

    Raises:
        DotUsageError: it is neither.
    """
    flag = {"true": True, "false": False}.get(str(value).strip().lower())
    if flag is None:
        raise DotUsageError(f"{field} must be true or false, not {str(value)[:40]!r}.")
    return flag


def checked_count(field: str, value: object) -> int:
    """Return a whole number from 0, also from its digits, as templates render them.

    Raises:
        DotUsageError: it is none.
    """
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}", str(value).strip(), re.ASCII):
        raise DotUsageError(f"{field} must be a whole number from 0, not {str(value)[:40]!r}.")
    return int(str(value))


def checked_share(field: str, value: object) -> float | None:
    """Return a share from 0 to 1; None stays None.

    Raises:
        DotUsageError: it is none.
    """
    return _number_up_to(1, f"{field} must be a share from 0 to 1, such as 0.9", value)


def checked_credits(field: str, value: object) -> float | None:
    """Return a number of credits from 0; None stays None.

    Raises:
        DotUsageError: it is none.
    """
    return _number_up_to(sys.float_info.max, f"{field} must be a number of credits from 0", value)


def _number_up_to(most: float, what: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise DotUsageError(f"{what}, not {str(value)[:40]!r}.")
    return float(value)


def checked_moment(field: str, value: object) -> datetime:
    """Return a moment in UTC, from a ``datetime`` (of the local zone where it names none) or a text in ISO 8601.

    dbt writes nanoseconds and ``Z``, PostgreSQL ``+00``, none of which Python 3.10 reads.

    Raises:
        DotUsageError: it is none.
    """
    try:
        if isinstance(value, datetime):
            return value.astimezone(timezone.utc)
        day, time, fraction, zone = _MOMENT.fullmatch(str(value).strip()).groups()  # type: ignore[union-attr]
        zone = "+00:00" if zone in (None, "Z") else zone if ":" in zone else f"{zone[:3]}:{zone[3:] or '00'}"
        return datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}{zone}").astimezone(timezone.utc)
    except (AttributeError, ValueError, OverflowError):
        raise DotUsageError(
            f"{field} must be a moment such as 2026-01-31T08:00:00Z, not {str(value)[:40]!r}."
        ) from None


_LONGEST_EMAIL = 254  # RFC 5321
_EMAIL = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\".]+(\.[^@\s<>,;:\".]+)*")


def checked_email(value: object, field: str = "email") -> str:
    """Return ``value`` without surrounding spaces where it looks like an e-mail address.

    Raises:
        DotUsageError: it does not.
    """
    text = checked_line(field, value.strip() if isinstance(value, str) else value)
    if len(text) > _LONGEST_EMAIL or not _EMAIL.fullmatch(text):
        raise DotUsageError(f"{field} {_shown(text)} is not an e-mail address.")
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
