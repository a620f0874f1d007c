"""The conversation history of a workspace: its export, and which list in it holds the conversations.

The shape of the export is not documented. It is a list of records, or an object with lists, also one object further in
(``{"conversations": [...]}``, ``{"data": {"history": [...]}}``). Client, trigger and load share the choice made here.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterator, Mapping
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

Path: TypeAlias = "tuple[str, ...]"

_NAMES = ("conversations", "history", "data", "chats", "messages")
_OBJECTS = 2  # how many objects may stand around the list
_LIST, _VALUE = object(), object()
_SPACE = re.compile(r"[ \t\n\r]*")
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|[\[\]{}]', re.DOTALL)
_SUSPICIOUS = 1 << 20
_LAST_TOKEN = 16  # characters at the end of a piece that may read otherwise once the next one is there


class TooDeep:
    """Stands for a record that is nested too deeply to be read."""


def exported_records(document: Any) -> list[Record]:
    """Return the conversations in a parsed export.

    Raises:
        DotProtocolError: it holds no list of conversations, or several that could be.
    """
    found: Any = document
    for key in _chosen(dict(_shape(document, ()))):
        found = found[key]
    return [record for record in found if isinstance(record, Mapping)]


def stream_records(document: BinaryIO) -> Iterator[Any]:
    """Yield the elements of the list of conversations, holding one at a time; ``TooDeep`` for one that is.

    The document is read twice: what the first list is may only show once the others are known.

    Args:
        document: a file that can be read from its present position more than once.

    Raises:
        DotProtocolError: the document is cut, is no JSON, or holds no such list. Records yielded before must not be
            used.
    """
    start, shape = document.tell(), dict[Path, "bool | None"]()
    for path, found in _walk(_Text(document), ()):
        if found is _LIST or found is _VALUE:
            shape.setdefault(path, False if found is _LIST else None)
        else:
            shape[path] = shape[path] or isinstance(found, Mapping)
        if path in ((), _NAMES[:1]) and found is not _VALUE:
            break  # nothing that follows can be preferred
    wanted = _chosen(shape)
    document.seek(start)
    text = _Text(document)
    yield from (found for path, found in _walk(text, ()) if path == wanted and found is not _LIST)
    text.finish()


def _chosen(shape: Mapping[Path, bool | None]) -> Path:
    """Return which list holds the conversations; ``shape`` tells of each list whether it has objects, else None."""
    lists = [path for path, filled in shape.items() if filled is not None]
    named = [path for path in lists if not path or path[-1] in _NAMES]
    if named:
        return min(named, key=lambda path: (len(path), _NAMES.index(path[-1]) if path else 0))
    filled = [path for path in lists if shape[path]] or lists[:1]
    likely = [path for path in filled if len(path) == min(map(len, filled))]
    if len(likely) == 1:
        return likely[0]
    if likely:
        found = "several lists, and none has a known name: " + ", ".join(".".join(path)[:80] for path in likely[:8])
    else:
        keys = ", ".join(key[:40] for key in list(dict.fromkeys(path[0] for path in shape if path))[:8]) or "(none)"
        found = f"no list of conversations, but {'a value' if () in shape else f'an object with the keys {keys}'}"
    raise DotProtocolError(f"The export of Dot's history holds {found}.")


def _shape(document: Any, path: Path) -> Iterator[tuple[Path, bool | None]]:
    if isinstance(document, list):
        yield path, any(isinstance(record, Mapping) for record in document)
    elif isinstance(document, Mapping) and len(path) < _OBJECTS:
        for key, value in document.items():
            yield from _shape(value, (*path, key))
    else:
        yield path, None


def _walk(text: _Text, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield where each list begins and each of its elements, and where other values stand."""
    sign = text.peek()
    if sign == "[":
        yield path, _LIST
        for _ in text.members("[", "]"):
            yield path, text.value()
    elif sign == "{" and len(path) < _OBJECTS:
        for _ in text.members("{", "}"):
            key = text.value() if text.peek() == '"' else text.take('"')
            text.take(":")
            yield from _walk(text, (*path, str(key)))
    else:
        text.value()
        yield path, _VALUE


class _Text:
    """A JSON text that arrives in pieces, and where in it the reader stands."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._ended = False
        self._text, self._at = "", 0

    def peek(self) -> str:
        """Return the next sign that is no space, nothing at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

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

    def value(self) -> Any:
        """Return the next value, or ``TooDeep``."""
        self.peek()
        while True:
            if len(self._text) - self._at > _SUSPICIOUS:
                self._check_size()
            end, value, wrong = self._decoded()
            whole = self._ended or end + _LAST_TOKEN < len(self._text)
            if whole and wrong:
                raise _broken(wrong)
            if whole:
                brackets = self._text.count("[", self._at, end) + self._text.count("{", self._at, end)
                self._at = end
                return TooDeep() if brackets > MAX_DEPTH and is_deep(value) else value
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

    def _check_size(self) -> None:
        try:
            check_memory(self._text[self._at :])
        except UnreadableJsonError as error:
            raise DotProtocolError(f"A record in the export of Dot's history {error}.") from None
        if len(self._text) - self._at > MAX_RECORD:
            raise DotProtocolError(f"A record in the export of Dot's history is longer than {MAX_RECORD} characters.")

    def _read_on(self) -> bool:
        if self._ended:
            return False
        # As much again as there is, so that a long record is not begun over and over.
        piece = self._file.read(max(CHUNK_BYTES, len(self._text) - self._at))
        self._ended = not piece
        try:
            self._text = self._text[self._at :] + self._decoder.decode(piece, final=self._ended)
        except UnicodeDecodeError as error:
            raise _broken(f"no UTF-8: {error.reason}") from None
        self._at = 0
        return True


def _broken(why: str) -> DotProtocolError:
    return DotProtocolError(f"The export of Dot's history is cut or no JSON ({why}).", retryable=True)


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


_DECODER = json.JSONDecoder(parse_float=_number)
