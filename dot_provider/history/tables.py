"""The tables of history and of evaluations: their columns, and their rows as Arrow batches of bounded size."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

    from dot_provider.history.rows import Row

CONVERSATIONS = "conversations"
MESSAGES = "messages"
TABLES = (CONVERSATIONS, MESSAGES)
LOADS = "_dot_loads"
EVALUATION_RUNS = "evaluation_runs"
EVALUATION_RESULTS = "evaluation_results"

BATCH_ROWS = 5_000
BATCH_CHARACTERS = 2 << 20

# Name, type and meaning of each column; Dagster's column schema and docs/history.md tell the same. Ratings, feedback
# and labels are text, because a field whose type Dot changes must not stop the load.
_FACTS: dict[str, list[tuple[str, str, str]]] = {
    CONVERSATIONS: [
        ("chat_id", "text", "Dot's id of the conversation; the key"),
        ("title", "text", "title"),
        ("environment", "text", "environment of Dot that it was asked in"),
        ("workspace", "text", "workspace, where Dot names it"),
        ("author", "text", "who asked: e-mail address, name or id"),
        ("labels", "text", "labels, as a JSON list"),
        ("message_count", "bigint", "number of messages as Dot says, else as they were counted"),
        ("credits", "double", "credits that it cost, as Dot says, else the sum over its messages"),
        ("review", "text", "Dot's Auto-Review, like Success or Issue"),
        ("review_reason", "text", "why the Auto-Review says so"),
        ("feedback", "text", "the user's feedback"),
        ("rating", "text", "the user's rating"),
        ("comment", "text", "what the user wrote with it"),
        ("created_at", "timestamp", "when it began"),
        ("updated_at", "timestamp", "when it changed last"),
        ("first_question", "text", "its first question"),
        ("last_question", "text", "its last question"),
        ("loaded_at", "timestamp", "when its rows were last written"),
        ("deleted_at", "timestamp", "when a load first missed it, where loads were asked to look"),
        ("digest", "text", "stands for all of its content, to tell what changed"),
        ("raw", "text", "the record as Dot sent it, as JSON, without its messages"),
    ],
    MESSAGES: [
        ("chat_id", "text", "the conversation; key with position"),
        ("position", "bigint", "place in the conversation, from 0"),
        ("message_id", "text", "Dot's id of the message"),
        ("role", "text", "who speaks: user or assistant"),
        ("content", "text", "what was said"),
        ("sql", "text", "the SQL of an answer"),
        ("tables_used", "text", "tables that an answer used, as a JSON list: as Dot names them, else from its SQL"),
        ("credits", "double", "credits that an answer cost"),
        ("seconds_to_answer", "double", "seconds from the question to its answer"),
        ("author", "text", "who wrote it"),
        ("feedback", "text", "the user's feedback"),
        ("rating", "text", "the user's rating"),
        ("comment", "text", "what the user wrote with it"),
        ("created_at", "timestamp", "when it was sent"),
        ("raw", "text", "the message as Dot sent it, as JSON"),
    ],
    LOADS: [
        ("load_id", "text", "id of the load, as in _dlt_loads"),
        ("loaded_at", "timestamp", "when it began; conversations that it wrote say the same"),
        ("seconds", "double", "seconds until it was committed"),
        ("window_start", "timestamp", "beginning of the days that Dot was asked for"),
        ("window_end", "timestamp", "end of these days"),
        ("complete_from", "timestamp", "conversations from here on that did not come were marked as deleted"),
        ("complete_until", "timestamp", "up to here"),
        ("latest_at", "timestamp", "when the youngest conversation that came changed last"),
        ("conversations", "bigint", "conversations that came"),
        ("messages", "bigint", "their messages"),
        ("new_conversations", "bigint", "conversations that were not there before"),
        ("changed_conversations", "bigint", "conversations that were there otherwise, or not with all their messages"),
        ("unchanged_conversations", "bigint", "conversations that were there word by word or newer, and not written"),
        ("deleted_conversations", "bigint", "conversations that were marked as deleted"),
        ("partial_conversations", "bigint", "conversations that came without all their messages"),
        ("rejected_records", "bigint", "records that were left out, as the caller allowed"),
        ("cleaned_characters", "bigint", "characters that no database stores, replaced by U+FFFD"),
        ("unreadable", "text", "how many values came that could not be read, by table.column, as a JSON object"),
        ("digest", "text", "SHA-256 of the export as Dot sent it"),
        ("version", "text", "version of dot-provider"),
    ],
    EVALUATION_RUNS: [
        ("run_id", "text", "Dot's id of the run; the key"),
        ("evaluation_id", "text", "the evaluation"),
        ("status", "text", "how it ended, as Dot says"),
        ("verdict", "text", "pass, fail or error"),
        ("total", "bigint", "number of questions"),
        ("passed", "bigint", "how many passed"),
        ("failed", "bigint", "how many failed"),
        ("errors", "bigint", "how many ended in an error"),
        ("pass_rate", "double", "share that passed, 0 to 1"),
        ("target", "text", "what was tested: production, or an environment's id"),
        ("target_commit", "text", "commit of what was tested"),
        ("created_at", "timestamp", "when it began"),
        ("finished_at", "timestamp", "when it ended"),
        ("url", "text", "its page in Dot"),
        ("loaded_at", "timestamp", "when its rows were last written"),
        ("raw", "text", "the run as Dot sent it, as JSON"),
    ],
    EVALUATION_RESULTS: [
        ("run_id", "text", "the run; key with position"),
        ("position", "bigint", "place in the run, from 0"),
        ("question_id", "text", "the question's id"),
        ("question", "text", "its words"),
        ("verdict", "text", "pass, fail, error or pending"),
        ("expected", "text", "the answer that was expected, as it was written"),
        ("observed", "text", "the answer that Dot gave"),
        ("reason", "text", "why, in Dot's words"),
        ("url", "text", "the conversation in which it was answered"),
        ("raw", "text", "the result as Dot sent it, as JSON"),
    ],
}
_ALL = {table: {name: kind for name, kind, _ in facts} for table, facts in _FACTS.items()}
COLUMNS = {table: _ALL[table] for table in (CONVERSATIONS, MESSAGES, LOADS)}
COMMENTS = {table: {name: meaning for name, _, meaning in facts} for table, facts in _FACTS.items()}
REQUIRED = frozenset({"chat_id", "run_id", "position", "raw"})


class Layout(NamedTuple):
    """Tables that are loaded together: what stands in the first under a key, with its rows in the second."""

    key: str
    columns: Mapping[str, Mapping[str, str]]

    @property
    def tables(self) -> tuple[str, str]:
        """The first two, that of the keys first."""
        first, second, *_ = self.columns
        return first, second


HISTORY = Layout("chat_id", COLUMNS)
EVALUATIONS = Layout("run_id", {table: _ALL[table] for table in (EVALUATION_RUNS, EVALUATION_RESULTS)})


def arrow_schema(table: str) -> pa.Schema:
    """Return the Arrow schema of a table. Times are microseconds in UTC."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(name, types[kind], nullable=name not in REQUIRED) for name, kind in _ALL[table].items()])


def arrow_table(table: str, rows: Sequence[Row]) -> pa.Table:
    """Return rows as an Arrow table; what they do not hold is NULL."""
    import pyarrow as pa

    # Arrow's own pool keeps what was released: 24 MiB more at the peak, for no time.
    schema, pool = arrow_schema(table), pa.system_memory_pool()
    # Columns by themselves: rows would be looked through once more for their types.
    columns = [
        pa.array([row.get(name) for row in rows], kind, memory_pool=pool)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


class Batcher:
    """Turns conversations into Arrow tables of bounded size.

    Attributes:
        loaded_at: When this was made, in microseconds since 1970.
        latest_at: When the youngest conversation so far changed last, likewise.
        rows: How many rows of each table were yielded so far.
        period_rows: How many of them are of each period; a message without a time counts as its conversation.

    Args:
        periods: Beginnings and ends, ascending and apart; the end is not of the period.
    """

    def __init__(self, periods: Sequence[tuple[datetime, datetime]] = ()) -> None:
        self.loaded_at = int(time.time() * 1e6)
        self.latest_at: int | None = None
        self.rows = dict.fromkeys(TABLES, 0)
        self.period_rows = {table: [0] * len(periods) for table in TABLES}
        self._periods = [(start.timestamp() * 1e6, end.timestamp() * 1e6) for start, end in periods]
        self._pending: dict[str, list[Row]] = {table: [] for table in TABLES}
        self._characters = 0

    def batches(self, conversations: Iterable[tuple[Row, list[Row]]]) -> Iterator[tuple[str, pa.Table]]:
        """Yield pairs of table name and Arrow table; at first empty ones, so that a load without rows makes the tables.

        Args:
            conversations: Each conversation's row with the rows of its messages.
        """
        yield from self._flush()
        for conversation, messages in conversations:
            conversation["loaded_at"] = self.loaded_at
            self.latest_at = max(self.latest_at or 0, conversation["updated_at"] or 0) or None
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
            at = row["created_at"] if row["created_at"] is not None else conversation["created_at"]
            if at is None:
                continue
            place = bisect_right(self._periods, (at, inf)) - 1
            if place >= 0 and at < self._periods[place][1]:
                self.period_rows[table][place] += 1

    def _flush(self) -> Iterator[tuple[str, pa.Table]]:
        for table, pending in self._pending.items():
            yield table, arrow_table(table, pending)
            self.rows[table] += len(pending)
            self._pending[table] = []
        self._characters = 0
