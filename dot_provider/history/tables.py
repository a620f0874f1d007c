"""The two tables of history: their columns, and their rows as Arrow batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    """

    def __init__(self) -> None:
        self.rows = dict.fromkeys(COLUMNS, 0)
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
            self._characters += len(conversation["raw"]) + sum(len(row["raw"]) for row in messages)
            if self._characters >= BATCH_CHARACTERS or len(self._pending[MESSAGES]) >= BATCH_ROWS:
                yield from self._flush()
        yield from self._flush()

    def _flush(self) -> Iterator[tuple[str, pa.Table]]:
        import pyarrow as pa

        for table, pending in self._pending.items():
            yield table, pa.Table.from_pylist(pending, arrow_schema(table))
            self.rows[table] += len(pending)
            self._pending[table] = []
        self._characters = 0
