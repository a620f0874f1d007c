"""Answers a question: with the answers file's SQL, else by counting a table, else with made-up numbers."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dot_provider.sandbox import invented, querying, warehouse
from dot_provider.sandbox.answers import AnswerEntry, Answers, ChartSpec
from dot_provider.sandbox.findings import Chart, Finding, Table, show

_MOST_ROWS = 1000
_TRIES = 20


class NoAnswer(Exception):
    """A question could not be answered; the message says why."""


class Answerer:
    """What answers the questions of one sandbox: an answers file, a DuckDB file, both or neither."""

    def __init__(self, answers: Answers, duckdb_file: Path | None, seed: int) -> None:
        self._answers, self._file, self._seed = answers, duckdb_file, seed

    def answer(self, question: str, context: str = "", schemas: Sequence[str] = ()) -> Finding:
        """Answer one question.

        Args:
            question: its wording.
            context: the questions before it.
            schemas: where tables that are named without a schema are looked for first.

        Raises:
            NoAnswer: the warehouse is absent or being written, or the entry's SQL or text is broken.
        """
        found = self._answers.find(question)
        if found is None and self._file is None:
            return invented.answer(question, context, self._seed)
        try:
            with self._connected() as connection:
                _look_first_in(connection, schemas)
                if found is not None:
                    return _from_entry(connection, *found)
                return querying.answered(connection, question, context)
        except duckdb.IOException:
            raise NoAnswer("Another process is writing to the warehouse; ask again when it has finished.") from None
        except (duckdb.Error, FileNotFoundError, ValueError) as error:
            raise NoAnswer(f"The warehouse could not be read: {_first_line(error)}") from None

    def _connected(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Open the file, waiting up to two seconds for a writer to close it; in memory without a file."""
        if self._file is None:
            return duckdb.connect()
        for _ in range(_TRIES - 1):
            try:
                return warehouse.opened(self._file)
            except duckdb.IOException:
                time.sleep(0.1)
        return warehouse.opened(self._file)


def _look_first_in(connection: duckdb.DuckDBPyConnection, schemas: Sequence[str]) -> None:
    rows = connection.execute(
        "select distinct schema_name from information_schema.schemata where catalog_name = current_database()"
    ).fetchall()
    present = {name for (name,) in rows}
    path = [name for name in dict.fromkeys((*schemas, "main")) if name in present]
    connection.execute("set search_path = ?", [",".join(warehouse.quoted(name) for name in path)])


def _from_entry(connection: duckdb.DuckDBPyConnection, entry: AnswerEntry, groups: Mapping[str, str]) -> Finding:
    used = {name: text for name, text in groups.items() if re.search(rf"\${re.escape(name)}\b", entry.sql)}
    cursor = connection.execute(entry.sql, used or None)
    columns = tuple(column[0] for column in cursor.description or ())
    table = Table(columns, tuple(tuple(row) for row in cursor.fetchmany(_MOST_ROWS)))
    first = table.rows[0][0] if table.rows else None
    rows = [dict(zip(columns, row, strict=True)) for row in table.rows]
    text = entry.rendered(value=first, rows=rows, table=table.markdown(20), **groups)
    if text is None:
        single = len(table.rows) == len(columns) == 1
        text = f"{columns[0].replace('_', ' ').capitalize()}: **{show(first)}**" if single else table.markdown(20)
    return Finding(text, entry.sql, table, _chart(entry.chart, table), entry.follow_ups)


def _chart(spec: ChartSpec | None, table: Table) -> Chart:
    spec = spec or ChartSpec()
    x, y = (_position(table, name, fallback) for name, fallback in ((spec.x, 0), (spec.y, -1)))
    title = spec.title or f"{table.columns[y]} by {table.columns[x]}".replace("_", " ")
    labels = tuple(show(row[x]) for row in table.rows)
    return Chart(title, labels, tuple(_as_float(row[y]) for row in table.rows))


def _position(table: Table, name: str | None, fallback: int) -> int:
    if name is None:
        return fallback
    if name not in table.columns:
        raise ValueError(f"the chart wants the column {name}; the SQL returns {', '.join(table.columns)}")
    return table.columns.index(name)


def _as_float(value: Any) -> float:
    return float(value) if isinstance(value, int | float | Decimal) else 0.0


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
