"""A temporary file on disk between Dot and the warehouse.

Three promises need the whole export before the first row moves: a cut document loads nothing, a conversation that comes
twice counts as it came last, and flat rows of one conversation belong together wherever they stand. SQLite, from the
standard library, keeps that off the memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from dot_provider.api.errors import DotProtocolError
from dot_provider.api.history import TooDeep
from dot_provider.history.normalize import (
    Row,
    chat_id_of,
    conversation_row,
    flat_message_rows,
    is_message,
    nested_message_rows,
)
from dot_provider.history.text import to_json

REPORTED = 20


class Stage:
    """The records of one export, grouped by conversation.

    Attributes:
        received: How many records were added.
        rejected: How many of them name no conversation.
        rejections: One sentence for each of the first of those.
        cleaned_characters: How many characters no warehouse could have stored.
    """

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "stage.sqlite", isolation_level=None)
        # The file is thrown away with its folder, so nothing in it needs to survive a crash.
        self._db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE;")
        self._db.execute("CREATE TABLE records (place INTEGER PRIMARY KEY, chat_id TEXT, flat INTEGER, raw TEXT)")
        self.received = 0
        self.rejected = 0
        self.rejections: list[str] = []
        self.cleaned_characters = 0

    def add_all(self, records: Iterable[Any]) -> None:
        """Take in all records of an export.

        Raises:
            DotProtocolError: There are records, and none of them names a conversation.
        """
        self._db.execute("BEGIN")
        for record in records:
            self._add(record)
        self._db.execute("CREATE INDEX by_chat ON records (chat_id, place)")
        self._db.execute("COMMIT")
        if self.received and self.rejected == self.received:
            raise DotProtocolError(
                f"None of the {self.received} records of Dot's history names a conversation; nothing was loaded. "
                f"The first: {self.rejections[0]}"
            )

    def conversations(self) -> Iterator[tuple[Row, list[Row]]]:
        """Yield each conversation's row with the rows of its messages, ordered by ``chat_id``."""
        rows = self._db.execute("SELECT chat_id, flat, raw FROM records ORDER BY chat_id, place")
        for chat_id, group in groupby(rows, key=itemgetter(0)):
            whole: str | None = None
            flat: list[str] = []
            for _, is_flat, raw in group:
                if is_flat:
                    flat.append(raw)
                else:
                    whole = raw
            yield _assemble(chat_id, whole, flat)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _add(self, record: Any) -> None:
        place = self.received
        self.received += 1
        if isinstance(record, TooDeep):
            self._reject(f"record {place} is nested too deeply")
            return
        try:
            raw, cleaned = to_json(record)
        except (RecursionError, TypeError, ValueError):
            self._reject(f"record {place} is nested too deeply, or has keys or numbers that are no JSON")
            return
        record = json.loads(raw) if cleaned else record
        chat_id = chat_id_of(record)
        if chat_id is None:
            self._reject(f"record {place} has no chat_id, conversation_id or id")
            return
        self.cleaned_characters += cleaned
        self._db.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (place, chat_id, is_message(record), raw))

    def _reject(self, sentence: str) -> None:
        self.rejected += 1
        if len(self.rejections) < REPORTED:
            self.rejections.append(sentence)


def _assemble(chat_id: str, whole: str | None, flat: list[str]) -> tuple[Row, list[Row]]:
    records = [(json.loads(raw), raw) for raw in flat]
    messages = flat_message_rows(chat_id, records)
    if whole is None:
        first, raw = records[0]
        return conversation_row(chat_id, first, raw, messages), messages
    record = json.loads(whole)
    messages = nested_message_rows(chat_id, record) or messages
    return conversation_row(chat_id, record, whole, messages), messages
