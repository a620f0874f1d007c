"""From the records of an export to whole conversations, each once, in memory that does not grow.

The document is read twice. First it is judged: a cut document, or one with records that cannot be loaded, stops the
load before the warehouse hears of it. The second time, a conversation that came once and whole goes straight on. What
came in pieces (twice, as flat rows, or without some of its messages) waits in a temporary file, SQLite of the standard
library, and is put together at the end, with what the warehouse holds of it: nothing that is stored gets lost because
Dot sent less of a conversation.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from dot_provider.api.errors import DotProtocolError
from dot_provider.api.history import ExportedRecord, TooDeep, read_record, stream_records
from dot_provider.history.facts import KNOWN, compact_json, to_storable
from dot_provider.history.rows import (
    Message,
    Row,
    chat_id_of,
    is_message,
    is_whole,
    merged,
    messages_in,
    rows_of,
    stated_count,
    updated_at,
    without_repeats,
)

REPORTED = 20
"""How many rejected records, and a few times as many unknown fields, are told by name."""

Stored = Callable[[Sequence[str]], Mapping[str, tuple[str, list[str]]]]
"""Gives of some conversations what the warehouse holds: ``raw`` of each, and of its messages in their order."""


class Stage:
    """The conversations of one export.

    Attributes:
        received: How many records there are.
        rejected: How many of them cannot be loaded.
        rejections: One sentence for each of the first of those.
        unknown_fields: How often each field came that no column is made of; no more than a hundred of them.
        partial: How many conversations came without all their messages.
        cleaned_characters: How many characters no warehouse could have stored.
        digest: The SHA-256 of the document.

    Args:
        document: The export, see `dot_provider.api.history.stream_records`.
        max_bad_records: How many records may be left out.

    Raises:
        DotProtocolError: The document is cut, is no JSON, holds no conversations, or more records than that cannot be
            loaded.
    """

    def __init__(self, document: BinaryIO, max_bad_records: int = 0) -> None:
        self._document, self._start = document, document.tell()
        self.digest = _digest_of(document)
        # Without a name it is a file that is gone with this process, whatever ends it. dlt asks in a thread of its own.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
            "CREATE TABLE chats (chat_id TEXT PRIMARY KEY, came INTEGER) WITHOUT ROWID;"
            "CREATE TABLE pieces (chat_id TEXT, place INTEGER, raw BLOB); BEGIN;"
        )
        self.received = self.rejected = self.partial = self.cleaned_characters = 0
        self.rejections: list[str] = []
        self.unknown_fields: Counter[str] = Counter()
        self._judge(max_bad_records)

    def conversations(self, stored: Stored = lambda chat_ids: {}) -> Iterator[tuple[Row, list[Row]]]:
        """Yield each conversation's row with the rows of its messages.

        Args:
            stored: Asked for the conversations that came in pieces.
        """
        self._document.seek(self._start)
        came = "SELECT came FROM chats WHERE chat_id = ?"
        for place, found in enumerate(stream_records(self._document)):
            chat_id = chat_id_of(found.value)
            if chat_id is None:
                continue
            if not is_message(found.value) and self._db.execute(came, (chat_id,)).fetchone() == (1,):
                cleaned = self.cleaned_characters
                record, raw, messages = self._parts(found)
                if is_whole(record, messages):
                    yield rows_of(chat_id, record, raw, messages or [])
                    continue
                self.cleaned_characters = cleaned  # they are counted when it is put together
            text = found.json().encode("utf-8", "surrogateescape")
            self._db.execute("INSERT INTO pieces VALUES (?, ?, ?)", (chat_id, place, text))
        self._db.execute("CREATE INDEX by_chat ON pieces (chat_id, place)")
        groups = groupby(self._db.execute("SELECT chat_id, raw FROM pieces ORDER BY chat_id, place"), itemgetter(0))
        while some := [(c, self._combined([read_record(raw) for _, raw in group])) for c, group in islice(groups, 100)]:
            partial = [chat_id for chat_id, piece in some if not piece.whole]
            self.partial += len(partial)
            known = stored(partial) if partial else {}
            for chat_id, piece in some:
                full = _with_stored(piece, *known[chat_id]) if chat_id in known else piece
                yield rows_of(chat_id, full.record.value, full.record.json(), full.messages)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _judge(self, max_bad_records: int) -> None:
        insert = "INSERT INTO chats VALUES (?, 1) ON CONFLICT DO UPDATE SET came = came + 1"
        for place, found in enumerate(stream_records(self._document, exact=False)):
            self.received += 1
            chat_id = chat_id_of(found.value)
            if chat_id is not None:
                self._db.execute(insert, (chat_id,))
                for record in (found.value, *(messages_in(found.value)[1] or ())):
                    self._note_unknown(record)
                continue
            deep = isinstance(found.value, TooDeep)
            reason = "is nested too deeply" if deep else "has no chat_id, conversation_id or id that can be stored"
            self.rejected += 1
            if len(self.rejections) < REPORTED:
                self.rejections.append(f"record {place} {reason}")
        if self.rejected > max_bad_records:
            raise DotProtocolError(
                f"{self.rejected} of the {self.received} records of Dot's history cannot be loaded, so nothing was: "
                f"{'; '.join(self.rejections)}. To load the others, allow as many by max_bad_records."
            )

    def _note_unknown(self, record: Any) -> None:
        if isinstance(record, dict) and not record.keys() <= KNOWN:
            for name in record.keys() - KNOWN:
                if name in self.unknown_fields or len(self.unknown_fields) < 5 * REPORTED:
                    self.unknown_fields[name[:100]] += 1

    def _parts(self, found: ExportedRecord) -> tuple[Any, str, list[Message] | None]:
        """Return a conversation with its JSON, both without its messages, and these; all as it can be stored."""
        name, values = messages_in(found.value)
        record = {key: value for key, value in found.value.items() if key != name} if name else found.value
        record, raw, cleaned = to_storable(record, found.json(name))
        texts = found.members[name][1] if name else []
        messages: list[Message] = []
        for place, value in enumerate(values or ()):
            plain = texts[place] if isinstance(texts, list) and len(texts) == len(values or ()) else compact_json(value)
            value, plain, count = to_storable(value, plain)
            cleaned += count
            messages.append(Message(value, plain))
        self.cleaned_characters += cleaned
        return record, raw, messages if name else None

    def _combined(self, records: Sequence[ExportedRecord]) -> _Piece:
        """Return what several records say of one conversation; of copies, the one that was updated last counts."""
        rows = [self._parts(record) for record in records if is_message(record.value)]
        flat = [Message(record, raw) for record, raw, _ in rows]
        copies = sorted(
            (self._parts(record) for record in records if not is_message(record.value)),
            key=lambda parts: updated_at(parts[0]),
        )
        if copies and is_whole(copies[-1][0], copies[-1][2]) and (copies[-1][2] or not flat):
            _, raw, whole = copies[-1]
            return _Piece(read_record(raw.encode()), whole or [], True)
        messages = merged([flat, *(messages or () for _, _, messages in copies)])
        members = [read_record(raw.encode()) for _, raw, _ in copies or rows[:1]]
        record = _overlaid(members)
        stated = stated_count(record.value) is not None
        return _Piece(record, messages, is_whole(record.value, messages or None) and (stated or not flat))


class _Piece(NamedTuple):
    record: ExportedRecord
    messages: list[Message]
    whole: bool


def _with_stored(piece: _Piece, raw: str, raws: Sequence[str]) -> _Piece:
    """Add what is stored of a conversation, where the export says nothing newer."""
    before, arrived = read_record(raw.encode()), piece.record
    if is_message(arrived.value) and not is_message(before.value):
        arrived = ExportedRecord({})
    messages = without_repeats([Message(read_record(text.encode()).value, text) for text in raws])
    return _Piece(_overlaid([before, arrived]), merged([messages, piece.messages]), False)


def _overlaid(records: Sequence[ExportedRecord]) -> ExportedRecord:
    value: dict[str, Any] = {}
    members: dict[str, Any] = {}
    for record in records:
        value.update(record.value)
        members.update(record.members)
    return ExportedRecord(value, members)


def _digest_of(document: BinaryIO) -> str:
    start, found = document.tell(), hashlib.sha256()
    while piece := document.read(1 << 20):
        found.update(piece)
    document.seek(start)
    return found.hexdigest()
