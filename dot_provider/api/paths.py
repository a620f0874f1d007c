"""URL paths from parts: each id is one quoted segment, and nothing that could leave its place is let through."""

from __future__ import annotations

from urllib.parse import quote, unquote

from dot_provider.api.errors import DotUsageError


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
    if not isinstance(value, str):
        raise DotUsageError(f"{field} must be text, not {type(value).__name__}.")
    if not value.strip():
        raise DotUsageError(f"{field} is empty: give the id that Dot shows for it.")
    decoded = unquote(value)
    for candidate in (value, decoded):
        if candidate.strip() in (".", "..") or any(c in "/\\" for c in candidate):
            raise DotUsageError(f"{field} {value!r} cannot contain '/', '\\' or be a dot segment: give the bare id.")
        if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in candidate):
            raise DotUsageError(f"{field} {value!r} contains a control character: give the bare id.")
    return value


def _segment(field: str, value: object) -> str:
    return quote(checked_id(field, value), safe="")
