"""The conversation history of a workspace: its export, and which list in it holds the conversations.

The shape of the export is not documented. It is a list of records, JSON lines, or an object with lists, also one object
further in (``{"conversations": [...]}``, ``{"data": {"history": [...]}}``). Client, trigger and load share the choice
made here.
"""

from __future__ import annotations

import codecs
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO, TypeAlias

from dot_provider.api._core.call import Call
from dot_provider.api.arguments import api_path, ordered_days
from dot_provider.api.errors import DotProtocolError
from dot_provider.api.records import MAX_DEPTH, Record, UnreadableJsonError, check_memory, is_deep

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
    query = _query(start_date, end_date, include_all_workspaces)
    return Call(
        _name(query),
        "GET",
        api_path("export_history"),
        exported_records,
        query=query,
        slow=EXPORT_TIMEOUT,
        auth="url",
    )


def download_history(
    start_date: str | date, end_date: str | date, sink: BinaryIO, include_all_workspaces: bool = False
) -> Call[None]:
    """Write the JSON document of ``export_history`` into ``sink``, a binary file, without holding it in memory."""
    query = _query(start_date, end_date, include_all_workspaces)
    return Call(
        _name(query),
        "GET",
        api_path("export_history"),
        lambda _: None,
        query=query,
        sink=sink,
        slow=EXPORT_TIMEOUT,
        auth="url",
    )


def _name(query: dict[str, str]) -> str:
    return f"export history {query['start_date']} to {query['end_date']}"


def _query(start_date: str | date, end_date: str | date, include_all_workspaces: bool) -> dict[str, str]:
    start, end = ordered_days(start_date, end_date)
    everywhere = {"include_all_workspaces": "true"} if include_all_workspaces else {}
    return {"start_date": start, "end_date": end, **everywhere}


CHUNK_BYTES = 1 << 18

MAX_RECORD = 1 << 26
"""Characters of JSON that one conversation may have."""

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
_SPACE = re.compile(r"[ \t\n\r]*")
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|[\[\]{}]', re.DOTALL)
_SUSPICIOUS = 1 << 20
_MEMBERS = 1 << 20  # messages and fields of one record
_LAST_TOKEN = 16  # characters at the end of a piece that may read otherwise once the next one is there


class TooDeep:
    """Stands for a record that is nested too deeply to be read."""


@dataclass(frozen=True)
class ExportedRecord:
    """One record, with the JSON that it is made of, digit by digit as Dot sent it.

    Attributes:
        value: the record; ``TooDeep`` for one that is.
        members: by name, the JSON of the name and that of the value: one text, or one of each element of a list that
            may hold messages.
    """

    value: Any
    members: Mapping[str, tuple[str, str | list[str]]] = field(default_factory=dict)

    def json(self, without: str = "") -> str:
        """Return the record as JSON, without the member of one name."""
        texts = [(name, text) for key, (name, text) in self.members.items() if key != without]
        return (
            "{" + ",".join(f"{name}:{t if isinstance(t, str) else '[' + ','.join(t) + ']'}" for name, t in texts) + "}"
        )


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
    start, shape, text = document.tell(), dict[Path, "int | None"](), _Text(document)
    for path, found in _walk(text, ()):
        _note(shape, path, found)
        if path in ((), _LISTS[:1]) and found is not _VALUE:
            break  # nothing that follows can be preferred
    else:
        if ("id",) in shape and text.peek() == "{":
            shape[CHAT_ID_NAMES[:1]] = None  # objects in a row are JSON lines
    wanted = _chosen(shape)
    document.seek(start)
    text = _Text(document, exact)
    if wanted == _LINES:
        while text.peek():
            yield text.record()
    else:
        yield from _records_at(wanted, text, ())
    text.finish()


def read_record(text: bytes) -> ExportedRecord:
    """Return the record whose JSON ``text`` is."""
    return _Text(io.BytesIO(text)).record()


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


def _walk(text: _Text, path: Path) -> Iterator[tuple[Path, Any]]:
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


def _records_at(wanted: Path, text: _Text, path: Path) -> Iterator[ExportedRecord]:
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


class _Text:
    """A JSON text that arrives in pieces, and where in it the reader stands."""

    def __init__(self, file: BinaryIO, exact: bool = True) -> None:
        self._file, self._exact = file, exact
        # A byte that is no UTF-8 spoils one text of one record, not the export.
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._ended = False
        self._text, self._at = "", 0
        self._texts: list[str] = []
        self._size = self._limit = 0
        self.read = ""

    def peek(self) -> str:
        """Return the next sign that is no space, nothing at the end."""
        sign = self._text[self._at : self._at + 1]
        while not sign or sign in " \t\n\r":
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at == len(self._text) and not self._read_on():
                return ""
            sign = self._text[self._at : self._at + 1]
        return sign

    def take(self, expected: str) -> str:
        """Step over one of the ``expected`` signs and return it."""
        sign = self.peek()
        if not sign or sign not in expected:
            raise _broken(f"{sign!r} where {' or '.join(expected)} is expected" if sign else "it ends too early")
        self._at += 1
        return sign

    def members(self, opening: str, closing: str) -> Iterator[None]:
        """Stop at each member of a list or object, for the caller to read it."""
        self.take(opening)
        if self.peek() == closing:
            self.take(closing)
            return
        yield
        while self.take("," + closing) == ",":
            yield

    def names(self) -> Iterator[str]:
        """Stop at the value of each member of an object, for the caller to read it, and yield its name."""
        for _ in self.members("{", "}"):
            key = self.value() if self.peek() == '"' else self.take('"')
            self.take(":")
            yield str(key)

    def record(self) -> ExportedRecord:
        """Return the next value with the JSON of its members."""
        if not self._exact or self.peek() != "{":
            return ExportedRecord(self.value())
        value: dict[str, Any] = {}
        members: dict[str, tuple[str, str | list[str]]] = {}
        self._texts, self._size, self._limit, deep = [], 0, _SUSPICIOUS, False
        for key in self.names():
            name = self.read
            if key in MESSAGES_NAMES and self.peek() == "[":
                first = len(self._texts)
                value[key] = [self._member() for _ in self.members("[", "]")]
                members[key] = name, self._texts[first:]
                deep = deep or any(found.__class__ is TooDeep for found in value[key])
            else:
                value[key] = self._member()
                members[key] = name, self.read
                deep = deep or value[key].__class__ is TooDeep
        return ExportedRecord(TooDeep() if deep else value, members)

    def _member(self) -> Any:
        """Return the next value and remember its JSON, with an eye on how large the record becomes."""
        found = self.value()
        self._texts.append(self.read)
        self._size += len(self.read)
        if self._size > self._limit:
            _check_size("".join(self._texts))
            self._limit = 2 * self._size
        elif len(self._texts) > _MEMBERS:
            raise DotProtocolError(f"A record in the export of Dot's history has more than {_MEMBERS} parts.")
        return found

    def value(self) -> Any:
        """Return the next value, or ``TooDeep``; its JSON is ``read`` then."""
        self.peek()
        while True:
            end, value, wrong = self._decoded()
            whole = self._ended or end + _LAST_TOKEN < len(self._text)
            if whole and wrong:
                raise _broken(wrong)
            if whole:
                self.read = self._text[self._at : end]
                self._at = end
                deep = self.read.count("[") + self.read.count("{") > MAX_DEPTH and is_deep(value)
                return TooDeep() if deep else value
            self._read_on()

    def finish(self) -> None:
        """Refuse what stands behind the document."""
        if sign := self.peek():
            raise _broken(f"{sign!r} after its end")

    def _decoded(self) -> tuple[int, Any, str]:
        """Return where the value ends or reading it failed, the value, and what is wrong with it."""
        try:
            value, end = _DECODER.raw_decode(self._text, self._at)
        except RecursionError:
            return self._end_of_deep(), TooDeep(), ""
        except json.JSONDecodeError as error:
            open_text = error.msg.startswith("Unterminated string")
            return len(self._text) if open_text else error.pos, None, error.msg
        except ValueError:
            return self._at, None, "a whole number of thousands of digits"
        return end, value, ""

    def _end_of_deep(self) -> int:
        depth = 0
        for token in _TOKENS.finditer(self._text, self._at):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
            if depth == 0:
                return token.end()
        return len(self._text)

    def _read_on(self) -> bool:
        if self._ended:
            return False
        # As much again as there is, so that a long record is not begun over and over.
        piece = self._file.read(max(CHUNK_BYTES, len(self._text) - self._at))
        self._ended = not piece
        self._text = self._text[self._at :] + self._decoder.decode(piece, final=self._ended)
        self._at = 0
        if len(self._text) > _SUSPICIOUS:
            _check_size(self._text)
        return True


def _check_size(text: str) -> None:
    try:
        check_memory(text)
    except UnreadableJsonError as error:
        raise DotProtocolError(f"A record in the export of Dot's history {error}.") from None
    if len(text) > MAX_RECORD:
        raise DotProtocolError(f"A record in the export of Dot's history is longer than {MAX_RECORD} characters.")


def _broken(why: str) -> DotProtocolError:
    return DotProtocolError(f"The export of Dot's history is cut or no JSON ({why}).", retryable=True)


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


# Lenient as to control characters in texts, which spoil no more than the text.
_DECODER = json.JSONDecoder(parse_float=_number, strict=False)
