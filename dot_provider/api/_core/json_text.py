"""JSON of others, read within bounds of depth and memory.

Python reads what is nested a thousand deep and then fails to write, compare or pickle it; and 150 kB of gzip can hold
JSON that becomes two gigabytes of objects. Both are refused here, once, for responses and files alike.
"""

from __future__ import annotations

import gc
import json
import math
import re
from typing import Any

MAX_DEPTH = 100
"""Lists and objects within each other; Dot's documents and dbt's have up to twenty."""

MAX_MEMORY = 512 * 1024 * 1024
"""Bytes that the objects of one document may take in memory, as far as its brackets and commas tell."""

# Upper bounds of what CPython takes for an object or list, and for a further entry with its value.
_COSTS = {"{": 120, "[": 64, ",": 64, ":": 60}
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class UnreadableJsonError(ValueError):
    """Text that is no JSON or goes beyond our bounds; the message continues a sentence about the text.

    ``cut`` is True where the text may have been whole before it came here.
    """

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


def parse_json(text: str, *, finite: bool = True, max_memory: float = MAX_MEMORY) -> Any:
    """Return the document in ``text``.

    Args:
        text: the JSON.
        finite: False to take NaN and infinities too, as Python writes them.
        max_memory: bytes that the document may take, ``math.inf`` for a file of the user's own.

    Raises:
        UnreadableJsonError: it is no JSON, nested too deeply, or too large in memory.
    """
    check_memory(text, max_memory)
    try:
        document = json.loads(text, **(_FINITE if finite else {}))
    except RecursionError:
        raise _too_deep() from None
    except UnreadableJsonError:
        raise
    except ValueError as error:
        if not isinstance(error, json.JSONDecodeError):
            raise UnreadableJsonError("contains a whole number of thousands of digits") from None
        raise UnreadableJsonError(f"is cut off or not JSON ({error})", cut=True) from None
    if is_deep(document):
        raise _too_deep()
    return document


def check_memory(text: str, most: float = MAX_MEMORY) -> None:
    """Refuse text whose objects would take more than ``most`` bytes of memory.

    Raises:
        UnreadableJsonError: they would.
    """
    # Signs within texts cost nothing, but leaving them out takes time: only where it matters.
    if _cost(text) > most and _cost(_STRINGS.sub("", text)) > most:
        raise UnreadableJsonError(f"would take more than {most / 2**20:.0f} MiB of memory: ask for less")


def is_deep(document: Any) -> bool:
    """Tell whether a parsed document, of dicts, lists and plain values, is nested more than ``MAX_DEPTH`` deep."""
    if not isinstance(document, (dict, list)):
        return False
    # The garbage collector knows what holds what, and tells at a fifth of what parsing took; a loop would double that.
    level = [document]
    for _ in range(MAX_DEPTH):
        level = list(filter(gc.is_tracked, gc.get_referents(*level)))
        if not level:
            return False
    return bool(level)


def _cost(text: str) -> int:
    return sum(cost * text.count(sign) for sign, cost in _COSTS.items())


def _too_deep() -> UnreadableJsonError:
    return UnreadableJsonError(f"is nested too deeply to be read: more than {MAX_DEPTH} lists or objects")


def _refuse_number(text: str) -> Any:
    raise UnreadableJsonError(f"contains {text[:30]}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text)


_FINITE: dict[str, Any] = {"parse_constant": _refuse_number, "parse_float": _finite}
