"""URL paths from parts: each id is one quoted segment, and nothing that could leave its place is let through."""

from __future__ import annotations

import re
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
    if not isinstance(value, str):
        raise DotUsageError(f"{field} must be text, not {type(value).__name__}.")
    if not value.strip():
        raise DotUsageError(f"{field} is empty: give the id that Dot shows for it.")
    if _CONTROL.search(value):
        raise DotUsageError(f"{field} {_shown(value)} contains a control character: give it without.")
    return value


def _segment(field: str, value: object) -> str:
    return quote(checked_id(field, value), safe="")


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "...")
