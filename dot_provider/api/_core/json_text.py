"""A large JSON text read in pieces: one record at a time, with the digits that it was written in.

Why not a library: ijson gives events or Python numbers, and what is loaded must keep each number as Dot wrote it, at a
cost per record that stays below that of the warehouse. The standard library's decoder reads the values themselves.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from dot_provider.api.errors import DotProtocolError
from dot_provider.api.records import MAX_DEPTH, UnreadableJsonError, check_memory, is_deep

CHUNK_BYTES = 1 << 18

MAX_RECORD = 1 << 26
"""Characters of JSON that one record may have."""

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


class JsonText:
    """A JSON text that arrives in pieces, and where in it the reader stands.

    Args:
        file: the text, in UTF-8.
        lists: names of those members of a record whose elements' JSON is kept one by one; None keeps no JSON, and is
            three times as fast.
    """

    def __init__(self, file: BinaryIO, lists: Collection[str] | None = None) -> None:
        self._file, self._lists = file, lists
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
        if self._lists is None or self.peek() != "{":
            return ExportedRecord(self.value())
        value: dict[str, Any] = {}
        members: dict[str, tuple[str, str | list[str]]] = {}
        self._texts, self._size, self._limit, deep = [], 0, _SUSPICIOUS, False
        for key in self.names():
            name = self.read
            if key in self._lists and self.peek() == "[":
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
