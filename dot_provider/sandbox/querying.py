"""Simple questions turned into SQL, by matching their words with table and column names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dot_provider.sandbox import warehouse
from dot_provider.sandbox.findings import Chart, Finding, Table, show
from dot_provider.sandbox.warehouse import NUMBER, TEXT, TIME, WarehouseTable, quoted
from dot_provider.sandbox.words import name_words, plain_name, words_of

_GRAINS = ("year", "quarter", "month", "week", "day")
_AGGREGATES = {
    "total": ("sum", {"total", "sum", "revenue", "sale"}),
    "average": ("avg", {"average", "avg", "mean"}),
    "highest": ("max", {"max", "maximum", "highest", "largest", "biggest"}),
    "lowest": ("min", {"min", "minimum", "lowest", "smallest"}),
}
_MONEY_WORDS = {"sale", "revenue", "turnover", "income"}
_MONEY = ("amount", "revenue", "total", "price", "sale", "value", "cost")
_LAYERS = {"int": 1, "stg": 2, "staging": 2, "src": 3, "raw": 3}
_COUNT = "count(*)"
_MOST_ROWS = 50


@dataclass(frozen=True)
class _Plan:
    table: WarehouseTable
    measure: str
    measure_name: str
    group: str | None = None
    group_name: str = ""

    @property
    def over_time(self) -> bool:
        return self.group_name in _GRAINS

    @property
    def subject(self) -> str:
        noun = plain_name(self.table.name)
        return noun if self.measure == _COUNT else f"{self.measure_name.replace('_', ' ')} of {noun}"

    @property
    def sql(self) -> str:
        measured = f"{self.measure} as {quoted(self.measure_name)}"
        if self.group is None:
            return f"select {measured} from {self.table.sql_name}"  # noqa: S608
        group = self.group if self.group == self.group_name else f"{self.group} as {quoted(self.group_name)}"
        order = "1" if self.over_time else "2 desc, 1"
        return f"select {group}, {measured} from {self.table.sql_name} group by 1 order by {order} limit {_MOST_ROWS}"  # noqa: S608


def answer(path: Path, question: str, context: str = "") -> Finding:
    """Answer a question from a DuckDB file.

    Args:
        path: the file; it is opened for reading and closed again.
        question: in English; "how many orders", "total amount by status" and the like.
        context: the questions before it, used when the question itself names no table.

    Raises:
        FileNotFoundError: there is no such file yet.
        duckdb.IOException: another process is writing to the file.
    """
    with warehouse.opened(path) as connection:
        return answered(connection, question, context)


def answered(connection: duckdb.DuckDBPyConnection, question: str, context: str = "") -> Finding:
    """Answer a question from an open file."""
    tables = warehouse.tables_in(connection)
    table = _named(tables, question) or _named(tables, context) or _with_columns(tables, question)
    if table is None:
        return _overview(connection, tables)
    return _finding(connection, _planned(table, question))


def _named(tables: Iterable[WarehouseTable], question: str) -> WarehouseTable | None:
    """Pick the table whose name the question covers best; marts before staging before raw."""
    asked = set(words_of(question))
    ranked = []
    for table in tables:
        words = name_words(table.name)
        hits = sum(word in asked for word in words)
        if hits:
            ranked.append((-hits, len(words) - hits, _layer(table), table.schema, table.name, table))
    return min(ranked, key=lambda rank: rank[:-1])[-1] if ranked else None


def _with_columns(tables: Iterable[WarehouseTable], question: str) -> WarehouseTable | None:
    """Pick the table most of whose column names appear in the question; sales are some amount of money."""
    asked = set(words_of(question))
    asked |= set(_MONEY) if asked & _MONEY_WORDS else set()
    ranked = []
    for table in tables:
        hits = sum(bool(asked & set(words_of(name))) for name, _ in table.columns)
        if hits:
            ranked.append((-hits, _layer(table), table.schema, table.name, table))
    return min(ranked, key=lambda rank: rank[:-1])[-1] if ranked else None


def _layer(table: WarehouseTable) -> int:
    return max(_LAYERS.get(word, 0) for word in re.split(r"[_\W]+", f"{table.schema}_{table.name}".lower()))


def _planned(table: WarehouseTable, question: str) -> _Plan:
    before, after, *_ = [*re.split(r"\b(?:by|per)\b", question.lower(), maxsplit=1), ""]
    measure, measure_name = _measure(table, words_of(before))
    group, group_name = _group(table, words_of(after))
    return _Plan(table, measure, measure_name, group, group_name)


def _measure(table: WarehouseTable, asked: list[str]) -> tuple[str, str]:
    others = [word for word in asked if word not in name_words(table.name)]
    for name, (function, signs) in _AGGREGATES.items():
        if signs & set(others):
            numbers = table.of_type(NUMBER)
            column = _closest(numbers, [w for w in others if w != name]) or _closest(numbers, _MONEY)
            column = column or next(iter(numbers), None)
            if column is not None:
                label = column if column.startswith(f"{name}_") else f"{name}_{column}"
                return f"{function}({quoted(column)})", label
    return _COUNT, plain_name(table.name).replace(" ", "_")


def _group(table: WarehouseTable, asked: list[str]) -> tuple[str | None, str]:
    times = table.of_type(TIME)
    for grain in _GRAINS:
        if grain in asked and times:
            return f"cast(date_trunc('{grain}', {quoted(times[0])}) as date)", grain
    column = _closest([name for name, _ in table.columns], asked)
    return (quoted(column), column) if column is not None else (None, "")


def _closest(columns: list[str], asked: Iterable[str]) -> str | None:
    """Return the column whose name shares most words with the question, the shortest of equals."""
    wanted = set(asked)
    scored = [(-len(wanted & set(words_of(c))), len(words_of(c)), i) for i, c in enumerate(columns)]
    best = min(scored, default=(0, 0, 0))
    return columns[best[2]] if best[0] < 0 else None


def _finding(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> Finding:
    found = _run(connection, plan)
    source = f"`{plan.table.schema}.{plan.table.name}`"
    if plan.group is not None:
        text = f"{_capital(plan.subject)} by {_spoken(plan.group_name)}, from {source}:\n\n{found.markdown(20)}"
        chart = _chart(f"{plan.subject} by {_spoken(plan.group_name)}", found)
        return Finding(text, plan.sql, found, chart, _follow_ups(plan.table))
    value = show(found.rows[0][0])
    verb = f"There are **{value}** {plan.subject}" if plan.measure == _COUNT else f"The {plan.subject} is **{value}**"
    return Finding(f"{verb} in {source}.", plan.sql, found, _breakdown(connection, plan), _follow_ups(plan.table))


def _run(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> Table:
    rows = connection.execute(plan.sql).fetchall()
    columns = (plan.measure_name,) if plan.group is None else (plan.group_name, plan.measure_name)
    return Table(columns, tuple(tuple(_plain(value) for value in row) for row in rows))


def _breakdown(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> Chart:
    """Chart a single number by the table's first text column, which says more than one bar."""
    texts = plan.table.of_type(TEXT)
    if not texts:
        return _chart(
            plan.subject, Table(("", plan.measure_name), ((plan.subject, _run(connection, plan).rows[0][0]),))
        )
    cut = _Plan(plan.table, plan.measure, plan.measure_name, quoted(texts[0]), texts[0])
    found = _run(connection, cut)
    return _chart(f"{plan.subject} by {_spoken(texts[0])}", Table(found.columns, found.rows[:12]))


def _chart(title: str, table: Table) -> Chart:
    labels = tuple(show(row[0]) for row in table.rows)
    return Chart(title, labels, tuple(_number(row[-1]) for row in table.rows))


def _overview(connection: duckdb.DuckDBPyConnection, tables: list[WarehouseTable]) -> Finding:
    rows = tuple((f"{t.schema}.{t.name}", warehouse.row_count(connection, t)) for t in tables)
    found = Table(("table", "rows"), rows)
    text = f"I could not tell which table you mean. The warehouse has {len(rows)}:\n\n{found.markdown(20)}"
    sql = "select table_schema, table_name from information_schema.tables"
    follow_ups = tuple(f"How many {plain_name(table.name)}?" for table in tables[:3])
    return Finding(text, sql, found, _chart("rows per table", found), follow_ups)


def _follow_ups(table: WarehouseTable) -> tuple[str, ...]:
    noun = plain_name(table.name)
    asked = [f"How many {noun} by {_spoken(column)}?" for column in table.of_type(TEXT)[:2]]
    if table.of_type(TIME):
        asked.append(f"How many {noun} per month?")
    asked += [f"What is the average {_spoken(column)} of {noun}?" for column in table.of_type(NUMBER)[:1]]
    return tuple(asked[:3]) or (f"How many {noun}?",)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
