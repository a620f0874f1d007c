"""Text that every warehouse accepts: NUL and lone surrogates become U+FFFD, and are counted.

JSON may hold both, and databases refuse them: Postgres fails on NUL, and half of a surrogate pair has no UTF-8.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

REPLACEMENT = "\ufffd"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_FIRST_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_LONGEST_ESCAPE = len(rb"\ud83d\ude00")


def to_json(value: Any) -> tuple[str, int]:
    """Serialize ``value`` to compact JSON that any warehouse can store, and count the characters replaced for it.

    Numbers that JSON does not know (NaN, infinities) become strings; types that it does not know become their text.

    Raises:
        RecursionError: ``value`` is nested too deeply.
    """
    try:
        text = compact_json(value)
        text.encode()
        if "\\u0000" not in text:
            return text, 0
    except ValueError:
        pass
    cleaned, count = _clean(value)
    return compact_json(cleaned), count


def repair_escapes(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Replace, in the bytes of a JSON document, each escaped lone surrogate by an escaped NUL.

    JSON parsers in C turn ``\ud83d`` without its second half into a question mark, or fail. A NUL passes through them,
    and `to_json` replaces and counts it. An escape cut by the border of a chunk is held back until the rest arrives.
    """
    held = b""
    for chunk in chunks:
        data = held + chunk
        cut = _safe_length(data)
        data, held = data[:cut], data[cut:]
        if b"\\ud" in data or b"\\uD" in data:
            data = _ESCAPE.sub(_repair, data)
        if data:
            yield data
    if held:
        yield _ESCAPE.sub(_repair, held)


def _repair(match: re.Match[bytes]) -> bytes:
    return b"\\u0000" if match["lone"] else match[0]


def _safe_length(data: bytes) -> int:
    # How much of the data ends outside of any escape. An escape near the end could still grow, so it is held back.
    start = data.find(b"\\", max(len(data) - _LONGEST_ESCAPE, 0))
    if start == -1:
        return len(data)
    if _FIRST_HALF.fullmatch(data[max(start - 6, 0) : start]):
        start -= 6
    # A run of backslashes pairs up from its beginning.
    while start > 0 and data[start - 1 : start] == b"\\":
        start -= 1
    return start


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        number = float(value)
        return number if math.isfinite(number) else str(value)
    return str(value)


# Made once: json.dumps would make one per call.
compact_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_default).encode


def _clean(value: Any) -> tuple[Any, int]:
    if isinstance(value, str):
        return _UNSTORABLE.subn(REPLACEMENT, value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value), 0
    if isinstance(value, dict):
        pairs = [(_clean(key), _clean(item)) for key, item in value.items()]
        return {k: v for (k, _), (v, _) in pairs}, sum(kn + vn for (_, kn), (_, vn) in pairs)
    if isinstance(value, (list, tuple)):
        items = [_clean(item) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    return value, 0
