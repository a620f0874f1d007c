"""Reading records of which only some fields are known: tolerant readers, replies without a shape, ends of a batch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from dot_provider.api.errors import DotPartialError

Record = Mapping[str, Any]
"""One JSON object as Dot sent it."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def text_of(record: Record, *names: str) -> str:
    """Return the first of the named fields that holds something, as text, or an empty string."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "" and not isinstance(value, dict | list):
            return str(value)
    return ""


def record_of(record: Record, name: str) -> Record:
    """Return the object under ``name``, or an empty one where there is none."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def list_of(record: Record, *names: str) -> list[Any]:
    """Return the first list under one of ``names``, or an empty one where there is none."""
    return next((record[name] for name in names if isinstance(record.get(name), list)), [])


def count_of(record: Record, name: str) -> int:
    """Return the whole number under ``name``, or 0 where there is none."""
    value = record.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def number_of(record: Record, name: str) -> float | None:
    """Return the number under ``name``, or None where there is none that a float can hold."""
    value = record.get(name)
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:  # whole numbers of JSON may have hundreds of digits
        return None
    return number if math.isfinite(number) else None


def records_in(document: Any, *names: str) -> list[Record]:
    """Return the list of records in ``document``: itself, or under one of ``names``, or the only list in the object.

    Dot's list endpoints are undocumented, and wrap their lists or not.

    Raises:
        ValueError: there is no list in it. An empty object stands for an empty list, an empty body for nothing.
    """
    found = document
    if isinstance(document, Mapping):
        lists = [value for value in document.values() if isinstance(value, list)]
        named = [document[name] for name in names if isinstance(document.get(name), list)]
        found = named[0] if named else lists[0] if len(lists) == 1 else None if document else []
    if not isinstance(found, list):
        raise ValueError("no list of records")
    return [value for value in found if isinstance(value, Mapping)]


def storable(value: Any) -> Any:
    """Return a JSON value with NUL and lone surrogates in its texts replaced by U+FFFD.

    JSON may hold both, and databases refuse them: the ones behind XCom and event logs too.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {storable(name): storable(item) for name, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Reply:
    """What Dot replied: ``raw`` is the decoded body, whatever it is, and None where it was empty."""

    raw: Any = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """Dot's own words in the reply, or an empty string where it has none."""
        if isinstance(self.raw, Mapping):
            return text_of(self.raw, "message", "detail", "status")
        return self.raw if isinstance(self.raw, str) else ""


SHOWN = 10
"""How many failures the message lists."""


class _Item(Protocol):
    """An entry of a report: its outcome, and of a failed one why, and whether that can pass."""

    @property
    def label(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def retryable(self) -> bool: ...


Entry = TypeVar("Entry", bound=_Item)


def refuse_failures(items: Sequence[Entry], what: str) -> None:
    """Let a report pass in which nothing failed.

    Args:
        items: all entries.
        what: what they are, and what became of the others, behind "1 of 3".

    Raises:
        DotPartialError: some failed; the message lists the first ones, ``report`` holds all entries. It is retryable
            where one of the failures can pass.
    """
    failed = [item for item in items if item.outcome == "failed"]
    if failed:
        shown = "; ".join(f"{item.label}: {item.reason}" for item in failed[:SHOWN])
        more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        raise DotPartialError(
            f"{len(failed)} of {len(items)} {what}. {shown}{more}",
            report=items,
            retryable=any(item.retryable for item in failed),
        )
