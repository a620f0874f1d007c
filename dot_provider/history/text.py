"""Text that every warehouse accepts: NUL and lone surrogates become U+FFFD, and are counted.

JSON may hold both, and databases refuse them: Postgres fails on NUL, and half of a surrogate pair has no UTF-8.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

REPLACEMENT = "\ufffd"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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
