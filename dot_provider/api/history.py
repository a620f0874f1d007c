"""The conversation history of a workspace: its export, and which list in it holds the conversations.

The shape of the export is not documented. It is a list of records, JSON lines, or an object with lists, also one object
further in (``{"conversations": [...]}``, ``{"data": {"history": [...]}}``). Client, trigger and load share the choice
made here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, BinaryIO, TypeAlias

from dot_provider.api._core.call import Call, T
from dot_provider.api._core.json_text import ExportedRecord as ExportedRecord
from dot_provider.api._core.json_text import JsonText
from dot_provider.api._core.json_text import TooDeep as TooDeep
from dot_provider.api.arguments import api_path, checked_flag, ordered_days
from dot_provider.api.errors import DotProtocolError
from dot_provider.api.records import Record

EXPORT_TIMEOUT = 900.0
"""Seconds that an export may take: one response holds everything, and there is no paging."""


def export_history(
    start_date: str | date, end_date: str | date, include_all_workspaces: bool = False
) -> Call[list[Record]]:
    """Return all conversations between two days, each as the record that Dot sent.

    ``GET /export_history``. The shape of a record is not documented; see
    ``dot_provider.api.history`` for which list is taken.

    Args:
        start_date: first day, a date or YYYY-MM-DD.
        end_date: last day. Whether it is included is Dot's to say; ask for a day more where it matters.
        include_all_workspaces: also those of other workspaces that the token's user may see.

    Raises:
        DotUsageError: a day is malformed, or the end is before the start.
    """
    return _export(start_date, end_date, include_all_workspaces, exported_records)


def download_history(
    start_date: str | date, end_date: str | date, sink: BinaryIO, include_all_workspaces: bool = False
) -> Call[None]:
    """Write the JSON document of ``export_history`` into ``sink``, a binary file, without holding it in memory."""
    return _export(start_date, end_date, include_all_workspaces, lambda _: None, sink)


def _export(
    start_date: str | date,
    end_date: str | date,
    everywhere: bool,
    read: Callable[[Any], T],
    sink: BinaryIO | None = None,
) -> Call[T]:
    start, end = ordered_days(start_date, end_date)
    everywhere = checked_flag("include_all_workspaces", everywhere)
    return Call(
        f"export history {start} to {end}",
        "GET",
        api_path("export_history"),
        read,
        query={"start_date": start, "end_date": end, **({"include_all_workspaces": "true"} if everywhere else {})},
        sink=sink,
        slow=EXPORT_TIMEOUT,
        auth="url",
    )


CHAT_ID_NAMES = ("chat_id", "conversation_id", "chatId", "conversationId")
MESSAGES_NAMES = ("messages", "history", "conversation", "chat", "turns", "items")
"""Under which names a conversation may hold its messages; the first that does counts."""

Path: TypeAlias = "tuple[str, ...]"

_LISTS = ("conversations", "history", "data", "chats", "messages")
_OBJECTS = 2  # how many objects may stand around the list
_NAMED = 64  # how many of an object's names are remembered, for the message
_LIST, _VALUE = object(), object()
_EMPTY, _FILLED, _CHATS = 0, 1, 2  # what a list holds: nothing, records, records that look like conversations
_LINES: Path = ("",)


def exported_records(document: Any) -> list[Record]:
    """Return the conversations in a parsed export.

    Raises:
        DotProtocolError: it holds no list of conversations, or several that could be.
    """
    shape: dict[Path, int | None] = {}
    for path, found in _shape(document, ()):
        _note(shape, path, found)
    found = document
    for key in _chosen(shape):
        found = [document] if key == _LINES[0] else found[key]
    return [record for record in found if isinstance(record, Mapping)]


def stream_records(document: BinaryIO, *, exact: bool = True) -> Iterator[ExportedRecord]:
    """Yield the conversations of an export, holding one at a time.

    The document is read twice: what the first list is may only show once the others are known.

    Args:
        document: a file that can be read from its present position more than once.
        exact: False for records without the JSON of their members, which come three times as fast.

    Raises:
        DotProtocolError: the document is cut, is no JSON, or holds no such list. Records yielded before must not be
            used.
    """
    start, shape, text = document.tell(), dict[Path, "int | None"](), JsonText(document)
    for path, found in _walk(text, ()):
        _note(shape, path, found)
        if path in ((), _LISTS[:1]) and found is not _VALUE:
            break  # nothing that follows can be preferred
    else:
        if ("id",) in shape and text.peek() == "{":
            shape[CHAT_ID_NAMES[:1]] = None  # objects in a row are JSON lines
    wanted = _chosen(shape)
    document.seek(start)
    text = JsonText(document, MESSAGES_NAMES if exact else None)
    if wanted == _LINES:
        while text.peek():
            yield text.record()
    else:
        yield from _records_at(wanted, text, ())
    text.finish()


def read_record(text: bytes) -> ExportedRecord:
    """Return the record whose JSON ``text`` is."""
    return JsonText(io.BytesIO(text), MESSAGES_NAMES).record()


def _note(shape: dict[Path, int | None], path: Path, found: Any) -> None:
    """Remember what stands where: of a list what it holds, None for any other value."""
    if found is _VALUE or found is _LIST:
        if found is _LIST or len(shape) < _NAMED or path[-1:] in (("id",), *((name,) for name in CHAT_ID_NAMES)):
            shape.setdefault(path, None if found is _VALUE else _EMPTY)
    elif isinstance(found, Mapping):
        chat = any(name in found for name in CHAT_ID_NAMES) or any(
            isinstance(found.get(name), list) for name in MESSAGES_NAMES
        )
        shape[path] = max(shape.get(path) or _EMPTY, _CHATS if chat else _FILLED)


def _chosen(shape: Mapping[Path, int | None]) -> Path:
    """Return which list holds the conversations.

    Raises:
        DotProtocolError: none does for certain. What may be another list is not taken: the rest would be lost silently.
    """
    if any(shape.get((name,), _EMPTY) is None for name in CHAT_ID_NAMES):
        return _LINES
    lists = [path for path, held in shape.items() if held is not None]
    named = [path for path in lists if not path or path[-1] in _LISTS]
    if named:
        return min(named, key=lambda path: (len(path), _LISTS.index(path[-1]) if path else 0))
    likely = [path for path in lists if shape[path] == _CHATS]
    if len(likely) == 1:
        return likely[0]
    if lists and not likely and not any(shape[path] for path in lists):
        return lists[0]
    if likely or lists:
        names = ", ".join(".".join(path)[:80] for path in (likely or lists)[:8])
        found = f"no list that is known to be the one of conversations, but {names}"
    else:
        keys = ", ".join(key[:40] for key in list(dict.fromkeys(path[0] for path in shape if path))[:8]) or "(none)"
        found = f"no list of conversations, but {'a value' if () in shape else f'an object with the keys {keys}'}"
    raise DotProtocolError(f"The export of Dot's history holds {found}.")


def _shape(document: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(document, list):
        yield path, _LIST
        yield from ((path, record) for record in document)
    elif isinstance(document, Mapping) and len(path) < _OBJECTS:
        for key, value in document.items():
            yield from _shape(value, (*path, key))
    else:
        yield path, _VALUE


def _walk(text: JsonText, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield where each list begins and each of its elements, and where other values stand."""
    sign = text.peek()
    if sign == "[":
        yield path, _LIST
        for _ in text.members("[", "]"):
            yield path, text.value()
    elif sign == "{" and len(path) < _OBJECTS:
        for key in text.names():
            yield from _walk(text, (*path, key))
    else:
        text.value()
        yield path, _VALUE


def _records_at(wanted: Path, text: JsonText, path: Path) -> Iterator[ExportedRecord]:
    """Yield the elements of the list that stands at ``wanted``, stepping over all else."""
    if path == wanted and text.peek() == "[":
        for _ in text.members("[", "]"):
            yield text.record()
    elif wanted[: len(path)] == path and text.peek() == "{":
        for key in text.names():
            yield from _records_at(wanted, text, (*path, key))
    else:
        for _ in _walk(text, path):
            pass
