from __future__ import annotations

from typing import Any

from dot_provider.history.rows import Message, rows_of
from dot_provider.history.tables import BATCH_CHARACTERS, BATCH_ROWS, TABLES, Batcher, arrow_schema

from .conftest import conversation


def _rows(chat_id: str, record: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return rows_of(chat_id, record, str(record), [Message(value, str(value)) for value in record["messages"]])


def test_rows_have_the_columns_of_their_tables() -> None:
    row, [message] = _rows("a", conversation("a", "x"))
    assert list(row) == arrow_schema("conversations").names
    assert list(message) == arrow_schema("messages").names


def test_both_tables_come_even_without_rows() -> None:
    batches = list(Batcher().batches([]))
    assert {name for name, _ in batches} == set(TABLES)
    assert all(table.num_rows == 0 for _, table in batches)


def test_batches_are_bounded_by_rows() -> None:
    batcher = Batcher()
    sizes = [t.num_rows for _, t in batcher.batches(_rows(str(n), conversation(str(n), "x", "y")) for n in range(9000))]
    assert max(sizes) < BATCH_ROWS + 2
    assert batcher.rows == {"conversations": 9000, "messages": 18000}


def test_batches_are_bounded_by_size() -> None:
    long = "x" * (BATCH_CHARACTERS // 3)
    sizes = [t.nbytes for _, t in Batcher().batches(_rows(str(n), conversation(str(n), long)) for n in range(9))]
    assert max(sizes) < 3 * BATCH_CHARACTERS
