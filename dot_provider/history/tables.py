"""The two tables of history: their columns, and their rows as Arrow batches of bounded size."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from dot_provider.history.normalize import Row

if TYPE_CHECKING:
    import pyarrow as pa

CONVERSATIONS = "conversations"
MESSAGES = "messages"

BATCH_ROWS = 5_000
BATCH_CHARACTERS = 2 << 20

# Ratings, feedback and labels are text, because a field whose type Dot changes must not stop the load.
COLUMNS: dict[str, dict[str, str]] = {
    CONVERSATIONS: {
        "chat_id": "text",
        "title": "text",
        "author": "text",
        "labels": "text",
        "feedback": "text",
        "rating": "text",
        "message_count": "bigint",
        "created_at": "timestamp",
        "updated_at": "timestamp",
        "raw": "text",
    },
    MESSAGES: {
        "chat_id": "text",
        "position": "bigint",
        "role": "text",
        "content": "text",
        "author": "text",
        "feedback": "text",
        "rating": "text",
        "created_at": "timestamp",
        "raw": "text",
    },
}
REQUIRED = frozenset({"chat_id", "position", "raw"})


def arrow_schema(table: str) -> pa.Schema:
    """Return the Arrow schema of ``conversations`` or ``messages``. Times are microseconds in UTC."""
    import pyarrow as pa

    types = {"text": pa.string(), "bigint": pa.int64(), "timestamp": pa.timestamp("us", tz="UTC")}
    return pa.schema(
        [pa.field(name, types[kind], nullable=name not in REQUIRED) for name, kind in COLUMNS[table].items()]
    )


class Batcher:
    """Turns conversations into Arrow tables of bounded size.

    Attributes:
        rows: How many rows of each table were yielded so far.
        period_rows: How many of them are of each period; a message without a time counts as its conversation.

    Args:
        periods: Beginnings and ends, ascending and apart; the end is not of the period.
    """

    def __init__(self, periods: Sequence[tuple[datetime, datetime]] = ()) -> None:
        self.rows = dict.fromkeys(COLUMNS, 0)
        self.period_rows = {table: [0] * len(periods) for table in COLUMNS}
        self._periods = [(start.timestamp(), end.timestamp()) for start, end in periods]
        self._pending: dict[str, list[Row]] = {table: [] for table in COLUMNS}
        self._characters = 0

    def batches(self, conversations: Iterable[tuple[Row, list[Row]]]) -> Iterator[tuple[str, pa.Table]]:
        """Yield pairs of table name and Arrow table; at first empty ones, so that a load without rows makes the tables.

        Args:
            conversations: Each conversation's row with the rows of its messages.
        """
        yield from self._flush()
        for conversation, messages in conversations:
            self._pending[CONVERSATIONS].append(conversation)
            self._pending[MESSAGES].extend(messages)
            self._count(conversation, messages)
            self._characters += len(conversation["raw"]) + sum(len(row["raw"]) for row in messages)
            if self._characters >= BATCH_CHARACTERS or len(self._pending[MESSAGES]) >= BATCH_ROWS:
                yield from self._flush()
        yield from self._flush()

    def _count(self, conversation: Row, messages: list[Row]) -> None:
        if not self._periods:
            return
        for table, row in [(CONVERSATIONS, conversation), *((MESSAGES, message) for message in messages)]:
            created_at = row["created_at"] or conversation["created_at"]
            if created_at is None:
                continue
            at = created_at.timestamp()
            place = bisect_right(self._periods, (at, inf)) - 1
            if place >= 0 and at < self._periods[place][1]:
                self.period_rows[table][place] += 1

    def _flush(self) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        for table, pending in self._pending.items():
            yield table, pa.Table.from_pylist(pending, arrow_schema(table))
            self.rows[table] += len(pending)
            self._pending[table] = []
        self._characters = 0
