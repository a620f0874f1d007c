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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, BinaryIO, NamedTuple

from dot_provider.api.errors import DotProtocolError
from dot_provider.api.history import MESSAGES_NAMES, ExportedRecord, TooDeep, read_record, stream_records
from dot_provider.history.facts import KNOWN, NAMES, Unreadable, as_name, compact_json, first_of, to_storable
from dot_provider.history.rows import (
    PARTIAL,
    UNDATED,
    Message,
    Row,
    chat_id_of,
    is_message,
    is_whole,
    merged,
    messages_in,
    rows_of,
    says_something,
    stated_count,
    unpacked,
    updated_at,
    without_repeats,
)

REPORTED = 20
"""How many rejected records, and a few times as many unknown fields, are told by name."""

Stored = Callable[[Sequence[str]], Mapping[str, tuple[str, str, list[str]]]]
"""Gives of some conversations what the warehouse holds: ``digest`` and ``raw``, and of the messages in their order."""


class Stage:
    """The conversations of one export.

    Attributes:
        received: How many records there are.
        rejected: How many of them cannot be loaded.
        rejections: One sentence for each of the first of those.
        unknown_fields: How often each field came that no column is made of; no more than a hundred of them.
        unreadable: Values that came and are none of what their column holds; ``conversations.messages`` counts entries
            of a conversation's messages that are none.
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
        self.unreadable = Unreadable()
        self._judge(max_bad_records)

    def conversations(
        self, stored: Stored = lambda chat_ids: {}, in_part: Iterable[str] = ()
    ) -> Iterator[tuple[Row, list[Row]]]:
        """Yield each conversation's row with the rows of its messages.

        Args:
            stored: Asked for the conversations that came in pieces, or stand in the warehouse so.
            in_part: The ids of those that stand there so.
        """
        self._db.executemany("UPDATE chats SET came = came + 1 WHERE chat_id = ?", ((chat_id,) for chat_id in in_part))
        self._document.seek(self._start)
        came = "SELECT came FROM chats WHERE chat_id = ?"
        for place, found in enumerate(stream_records(self._document)):
            chat_id = chat_id_of(found.value)
            if chat_id is None:
                continue
            if not is_message(found.value) and self._db.execute(came, (chat_id,)).fetchone() == (1,):
                cleaned = self.cleaned_characters
                came_whole = self._parts(found)
                if is_whole(came_whole.record, came_whole.messages, came_whole.strays):
                    yield self._rows(chat_id, *came_whole)
                    continue
                self.cleaned_characters = cleaned  # they are counted when it is put together
            text = found.json().encode("utf-8", "surrogateescape")
            self._db.execute("INSERT INTO pieces VALUES (?, ?, ?)", (chat_id, place, text))
        self._db.execute("CREATE INDEX by_chat ON pieces (chat_id, place)")
        groups = groupby(self._db.execute("SELECT chat_id, raw FROM pieces ORDER BY chat_id, place"), itemgetter(0))
        while some := [(c, self._combined([read_record(raw) for _, raw in group])) for c, group in islice(groups, 100)]:
            partial = [chat_id for chat_id, piece in some if not piece.whole]
            self.partial += len(partial)
            known = stored([chat_id for chat_id, _ in some])
            for chat_id, piece in some:
                full = _with_stored(piece, *known[chat_id]) if chat_id in known else piece
                yield self._rows(chat_id, full.record.value, full.record.json(), *full[1:])

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
                messages = messages_in(found.value)[1]
                for record in (found.value, *(messages or ())):
                    self._note_unknown(record)
                if messages is None and not is_message(found.value) and first_of(found.value, MESSAGES_NAMES):
                    self.unreadable.note("conversations.messages", chat_id)
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

    def _rows(
        self, chat_id: str, record: Any, raw: str, messages: Sequence[Message] | None, strays: int, whole: bool = True
    ) -> tuple[Row, list[Row]]:
        if strays:
            self.unreadable.note("conversations.messages", chat_id, strays)
        return rows_of(chat_id, record, raw, messages or (), self.unreadable, whole)

    def _parts(self, found: ExportedRecord) -> _Parts:
        """Return a conversation and its messages, all as it can be stored.

        An entry that is no message stays with the conversation. A list of nothing but texts is what was said.
        """
        name, values = messages_in(found.value)
        if values is None:
            record, raw, cleaned = to_storable(found.value, found.json())
            self.cleaned_characters += cleaned
            return _Parts(record, raw, None, 0)
        label, texts = found.members[name]
        exact = isinstance(texts, list) and len(texts) == len(values)
        spoken = all(isinstance(value, str) and value.strip() for value in values)
        messages: list[Message] = []
        strays: list[tuple[Any, str]] = []
        for place, value in enumerate(values):
            value, plain = unpacked(value, texts[place] if exact else compact_json(value))
            value, plain, cleaned = to_storable(value, plain)
            self.cleaned_characters += cleaned
            if spoken or says_something(value):
                messages.append(Message(value, plain))
            else:
                strays.append((value, plain))
        record, members = {**found.value}, {**found.members}
        del record[name], members[name]
        if strays:
            record[name], members[name] = [value for value, _ in strays], (label, [plain for _, plain in strays])
        record, raw, cleaned = to_storable(record, ExportedRecord(record, members).json())
        # Those of the strays are counted already.
        self.cleaned_characters += cleaned
        return _Parts(record, raw, messages, len(strays))

    def _combined(self, records: Sequence[ExportedRecord]) -> _Piece:
        """Return what several records say of one conversation; of copies, the one that was updated last counts.

        Raises:
            DotProtocolError: they are of several workspaces, whose callers chose the same id.
        """
        named = {as_name(first_of(record.value, NAMES["workspace"])) for record in records} - {None}
        if len(named) > 1:
            both = " and ".join(sorted(map(str, named))[:5])
            raise DotProtocolError(
                f"The workspaces {both} each have a conversation {chat_id_of(records[0].value)!r}, so nothing was "
                "loaded: export each workspace by itself, into a dataset of its own."
            )
        flat = [self._parts(record) for record in records if is_message(record.value)]
        copies = sorted(
            (self._parts(record) for record in records if not is_message(record.value)),
            key=lambda parts: updated_at(parts.record),
        )
        whole = [place for place, copy in enumerate(copies) if is_whole(copy.record, copy.messages, copy.strays)]
        copies = copies[whole[-1] :] if whole else copies
        if whole and len(copies) == 1 and (copies[0].messages or not flat):
            return _Piece(read_record(copies[0].raw.encode()), copies[0].messages or [], copies[0].strays, True)
        rows = [Message(row.record, row.raw) for row in flat]
        messages = merged([rows, *(copy.messages or () for copy in copies)])
        record = _overlaid([read_record(parts.raw.encode()) for parts in copies or flat[:1]])
        strays = sum(copy.strays for copy in copies)
        complete = is_whole(record.value, messages or None, strays)
        return _Piece(record, messages, strays, complete and (stated_count(record.value) is not None or not flat))


class _Parts(NamedTuple):
    """A record without its messages, its JSON, these, and how many entries of their list are none."""

    record: Any
    raw: str
    messages: list[Message] | None
    strays: int


class _Piece(NamedTuple):
    record: ExportedRecord
    messages: list[Message]
    strays: int
    whole: bool


def _with_stored(piece: _Piece, digest: str, raw: str, raws: Sequence[str]) -> _Piece:
    """Add what is stored of a conversation; what says the same counts as the one says that was updated last.

    What is whole needs nothing of what is older: a copy that arrived so replaces the other, and one that is older than
    what is stored so is left out where it is published.
    """
    before, arrived = read_record(raw.encode()), piece.record
    stale = 0 < updated_at(arrived.value) < updated_at(before.value)
    newer_is_whole = not digest.startswith((PARTIAL, UNDATED)) if stale else piece.whole
    if newer_is_whole:
        return piece
    if is_message(arrived.value) and not is_message(before.value):
        arrived = ExportedRecord({})
    messages = without_repeats([Message(read_record(text.encode()).value, text) for text in raws])
    copies = [(before, messages), (arrived, piece.messages)]
    if stale:
        copies.reverse()
    record = _overlaid([record for record, _ in copies])
    messages = merged(said for _, said in copies)
    return _Piece(record, messages, piece.strays, is_whole(record.value, messages or None, piece.strays))


def _overlaid(records: Sequence[ExportedRecord]) -> ExportedRecord:
    """Return records as one, in which the last to have a field counts; what is no message is kept of each."""
    value: dict[str, Any] = {}
    members: dict[str, tuple[str, str | list[str]]] = {}
    for record in records:
        value.update(record.value)
        strays = messages_in(record.value)[0]
        before = members.get(strays)
        members.update(record.members)
        if before and isinstance(before[1], list):
            label, texts = record.members[strays]
            members[strays] = label, list(dict.fromkeys([*before[1], *texts]))
    return ExportedRecord(value, members)


def _digest_of(document: BinaryIO) -> str:
    start, found = document.tell(), hashlib.sha256()
    while piece := document.read(1 << 20):
        found.update(piece)
    document.seek(start)
    return found.hexdigest()
