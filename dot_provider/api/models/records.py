"""Reading fields out of records whose shape Dot does not specify."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]
"""One JSON object as Dot sent it."""


def text_of(record: Record, *names: str) -> str:
    """Return the first of the named fields that holds something, as text, or an empty string."""
    for name in names:
        value = record.get(name)
        if value is not None and value != "" and not isinstance(value, dict | list):
            return str(value)
    return ""


def records_in(document: Any, *names: str) -> list[Record]:
    """Return the list of records in ``document``: itself, or under one of ``names``, or the only list in the object.

    Dot's list endpoints are undocumented, and wrap their lists or not.

    Raises:
        ValueError: there is no list of objects in it.
    """
    found = document
    if isinstance(document, Mapping):
        found = next((document[n] for n in names if isinstance(document.get(n), list)), None)
        if found is None:
            lists = [value for value in document.values() if isinstance(value, list)]
            found = lists[0] if len(lists) == 1 else None
    if found is None and not document:
        return []
    if not isinstance(found, list):
        raise ValueError("no list of records")
    return _objects(found)


def _objects(values: Iterable[Any]) -> list[Record]:
    return [value for value in values if isinstance(value, Mapping)]
