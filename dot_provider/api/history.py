"""The conversation history of a workspace: its export, and which list in it holds the conversations.

The shape of the export is not documented. It is a list of records, JSON lines, or an object with lists, also one object
further in (``{"conversations": [...]}``, ``{"data": {"history": [...]}}``). Client, trigger and load share the choice
made here.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any, BinaryIO, TypeAlias

from dot_provider.api._core.call import Call, T
from dot_provider.api._core.json_text import ExportedRecord as ExportedRecord
from dot_provider.api._core.json_text import JsonText
from dot_provider.api._core.json_text import TooDeep as TooDeep
from dot_provider.api.arguments import api_path, checked_flag, ordered_days
from dot_provider.api.errors import DotProtocolError
from dot_provider.api.records import Record, says_cut

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
_SEEN = 4  # how many are looked into for another that may be meant
_NAMED = 8  # how many lists or names an error tells
_EMPTY, _FILLED, _CHATS = 0, 1, 2  # what a list holds: nothing, records, records that look like conversations
_LINES: Path = ("",)


def exported_records(document: Any) -> list[Record]:
    """Return the conversations in a parsed export.

    Raises:
        DotProtocolError: it holds no list of conversations, several that could be, or entries that are no objects; or
            says that it is not whole.
    """
    shape = _Shape()
    shape.look_at(document, ())
    wanted, found = shape.chosen(), document
    shape.check(wanted)
    for key in wanted:
        found = [document] if key == _LINES[0] else found[key]
    strange = [place for place, record in enumerate(found) if not isinstance(record, Mapping)]
    if strange:
        raise DotProtocolError(
            f"{len(strange)} of the {len(found)} entries in the export of Dot's history are no objects; the first is "
            f"entry {strange[0]}."
        )
    return list(found)


def stream_records(document: BinaryIO, *, exact: bool = True) -> Iterator[ExportedRecord]:
    """Yield the conversations of an export, holding one at a time.

    The document is read twice: what the first list is may only show once the others are known.

    Args:
        document: a file that can be read from its present position more than once.
        exact: False for records without the JSON of their members, which come three times as fast.

    Raises:
        DotProtocolError: the document is cut, is no JSON, holds no such list or several, or says that it is not whole.
            Records yielded before must not be used.
    """
    start, shape, text = document.tell(), _Shape(), JsonText(document)
    for _ in _walk(text, (), shape):
        if () in shape.lists or _LISTS[:1] in shape.lists:
            break  # nothing that follows can be preferred
    else:
        shape.is_record |= "id" in shape.names and text.peek() == "{"  # objects in a row are JSON lines
    wanted, shape = shape.chosen(), _Shape()
    document.seek(start)
    text = JsonText(document, MESSAGES_NAMES if exact else None)
    if wanted == _LINES:
        while text.peek():
            yield text.record()
    else:
        yield from _records_at(wanted, text, (), shape)
    text.finish()
    shape.check(wanted)


def read_record(text: bytes) -> ExportedRecord:
    """Return the record whose JSON ``text`` is."""
    return JsonText(io.BytesIO(text), MESSAGES_NAMES).record()


class _Shape:
    """What stands in an export around its conversations.

    Attributes:
        lists: what each list holds.
        names: those of the outermost object whose values are no lists, as far as they matter.
        is_record: whether that object is a record itself.
    """

    def __init__(self) -> None:
        self.lists: dict[Path, int] = {}
        self.names: dict[str, None] = {}
        self.is_record = self._is_value = False
        self._cut = ""

    def look_at(self, document: Any, path: Path) -> None:
        """Note a parsed value and what is in it."""
        if isinstance(document, list):
            self.lists.setdefault(path, _EMPTY)
            for record in document:
                self.note_record(path, record)
        elif isinstance(document, Mapping) and len(path) < _SEEN:
            for key, value in document.items():
                self.look_at(value, (*path, str(key)))
        else:
            self.note_value(path, document)

    def note_record(self, path: Path, record: Any) -> None:
        """Note an element of a list."""
        if isinstance(record, Mapping):
            chat = any(name in record for name in CHAT_ID_NAMES) or any(
                isinstance(record.get(name), list) for name in MESSAGES_NAMES
            )
            self.lists[path] = max(self.lists[path], _CHATS if chat else _FILLED)
        elif isinstance(record, TooDeep):
            self.lists[path] = max(self.lists[path], _FILLED)

    def note_value(self, path: Path, value: Any) -> None:
        """Note what is neither list nor object, or stands too deep."""
        if not path:
            self._is_value = True
            return
        if len(self.names) < _NAMED or path == ("id",):
            self.names.setdefault(path[0])
        self.is_record |= len(path) == 1 and path[0] in CHAT_ID_NAMES
        if says_cut(path[-1], value) or (value and isinstance(value, str) and path[-1] == "error"):
            self._cut = self._cut or ".".join(path)[:80]

    def chosen(self) -> Path:
        """Return which list holds the conversations.

        Raises:
            DotProtocolError: none does for certain.
        """
        if self.is_record and _LISTS[:1] not in self.lists:
            return _LINES
        near = [path for path in self.lists if len(path) <= _OBJECTS]
        if named := [path for path in near if not path or path[-1] in _LISTS]:
            return min(named, key=lambda path: (len(path), _LISTS.index(path[-1]) if path else 0))
        likely = [path for path, held in self.lists.items() if held == _CHATS]
        if len(likely) == 1 and likely[0] in near:
            return likely[0]
        if near and not any(self.lists.values()):
            return near[0]
        if self.lists:
            found = f"no list that is known to be the one of conversations, but {_told(likely or self.lists)}"
        elif self._is_value:
            found = "no list of conversations, but a value"
        else:
            keys = ", ".join(key[:40] for key in list(self.names)[:_NAMED])
            found = f"no list of conversations, but an object with the keys {keys or '(none)'}"
        raise DotProtocolError(f"The export of Dot's history holds {found}.")

    def check(self, wanted: Path) -> None:
        """Refuse an export of which that list alone would be less than came, or less than there is.

        Raises:
            DotProtocolError: another list may hold conversations, or the export says that it is not whole.
        """
        if wanted == _LINES:
            return
        others = [
            path
            for path, held in self.lists.items()
            if path != wanted and (held == _CHATS or (held == _FILLED and path[-1:] and path[-1] in _LISTS))
        ]
        if others:
            raise DotProtocolError(
                f"The export of Dot's history holds several lists that may be conversations, of which none was taken: "
                f"{_told([wanted, *others])}."
            )
        if self._cut:
            raise DotProtocolError(
                f"The export of Dot's history says by {self._cut} that it is not whole: ask for fewer days at once."
            )


def _told(paths: Iterable[Path]) -> str:
    return ", ".join(".".join(path)[:80] or "the outermost" for path in islice(paths, _NAMED))


def _walk(text: JsonText, path: Path, shape: _Shape) -> Iterator[None]:
    """Note what the next value is and what is in it, and stop where a list begins."""
    sign = text.peek()
    if sign == "[":
        shape.lists.setdefault(path, _EMPTY)
        yield
        for _ in text.members("[", "]"):
            shape.note_record(path, text.value())
    elif sign == "{" and len(path) < _SEEN:
        for key in text.names():
            yield from _walk(text, (*path, key), shape)
    else:
        shape.note_value(path, text.value())


def _records_at(wanted: Path, text: JsonText, path: Path, shape: _Shape) -> Iterator[ExportedRecord]:
    """Yield the elements of the list that stands at ``wanted``, and note all else."""
    if path == wanted and text.peek() == "[":
        for _ in text.members("[", "]"):
            yield text.record()
    elif wanted[: len(path)] == path and text.peek() == "{":
        for key in text.names():
            yield from _records_at(wanted, text, (*path, key), shape)
    else:
        for _ in _walk(text, path, shape):
            pass
