"""Questions answered from a DuckDB file, by matching their words with table and column names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dot_provider.sandbox.findings import Chart, Finding, Table, show
from dot_provider.sandbox.words import name_words, stem, words_of

_HIDDEN_SCHEMAS = ("information_schema", "pg_catalog")
_NUMERIC = re.compile(r"^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|U\w+INT\w*|FLOAT|DOUBLE|DECIMAL.*)$")
_TIME = re.compile(r"^(DATE|TIMESTAMP.*)$")
_TIME_GRAINS = ("year", "quarter", "month", "week", "day")
_AGGREGATES = {
    "sum": ("total", "sum", "revenue"),
    "avg": ("average", "avg", "mean"),
    "max": ("max", "maximum", "highest", "largest", "biggest"),
    "min": ("min", "minimum", "lowest", "smallest"),
}
_LAYER_RANK = {"fct": 0, "fact": 0, "dim": 0, "mart": 0, "int": 2, "stg": 3, "src": 4, "raw": 4}


@dataclass(frozen=True)
class WarehouseTable:
    """A table or view of the file, its columns as name and DuckDB type, and its number of rows."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def sql_name(self) -> str:
        """The quoted name with its schema."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def named(self, wanted: list[str], kind: re.Pattern[str] | None = None) -> str | None:
        """Return the column whose name shares most with the wanted words, of one kind of type if given."""
        scored = [
            (len(set(words_of(name)) & set(wanted)), -len(words_of(name)), -position, name)
            for position, (name, type_) in enumerate(self.columns)
            if kind is None or kind.match(type_)
        ]
        best = max(scored, default=(0, 0, 0, ""))
        return best[3] if best[0] > 0 else None

    def first(self, kind: re.Pattern[str]) -> str | None:
        """Return the first column of one kind of type that is not an id."""
        names = [name for name, type_ in self.columns if kind.match(type_) and "id" not in words_of(name)]
        return names[0] if names else None


@dataclass(frozen=True)
class _Plan:
    table: WarehouseTable
    measure: str
    measure_name: str
    group: str | None
    group_name: str

    @property
    def sql(self) -> str:
        if self.group is None:
            return f"select {self.measure} as {quoted(self.measure_name)} from {self.table.sql_name}"  # noqa: S608
        return (
            f"select {self.group} as {quoted(self.group_name)}, {self.measure} as {quoted(self.measure_name)} "  # noqa: S608
            f"from {self.table.sql_name} group by 1 order by 2 desc, 1 limit 50"
        )


def quoted(name: str) -> str:
    """Quote a name for SQL unless it needs none."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        return name
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.ConnectionException:
        # The same process has the file open for writing; DuckDB then shares that instance.
        connection = duckdb.connect(str(path))
    try:
        yield connection
    finally:
        connection.close()


def tables_of(path: Path) -> list[tuple[WarehouseTable, int]]:
    """List the tables of a DuckDB file with their row counts; an absent file has none."""
    if not path.exists():
        return []
    with _opened(path) as connection:
        return [(table, _count(connection, table)) for table in _tables(connection)]


def answer(path: Path, question: str, context: str = "") -> Finding:
    """Answer a question from a DuckDB file.

    Parameters:
        path: the file; it is opened read-only and closed again.
        question: in English; "how many orders", "total amount by status" and the like.
        context: the questions before it, used when the question itself names no table.

    Raises:
        duckdb.Error: the file cannot be opened now, for example because dbt is writing to it.
        FileNotFoundError: there is no such file yet.
    """
    if not path.exists():
        raise FileNotFoundError(f"There is no warehouse at {path.name} yet.")
    with _opened(path) as connection:
        tables = _tables(connection)
        table = _asked_table(tables, question) or _asked_table(tables, context)
        if table is None:
            return _overview(connection, tables)
        return _finding(connection, _planned(table, question), table)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[WarehouseTable]:
    rows = connection.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns"
        " where table_catalog = current_database() order by table_schema, table_name, ordinal_position"
    ).fetchall()
    columns: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column, type_ in rows:
        if schema not in _HIDDEN_SCHEMAS and not name.startswith("_dlt"):
            columns.setdefault((schema, name), []).append((column, type_))
    return [WarehouseTable(schema, name, tuple(cols)) for (schema, name), cols in columns.items()]


def _count(connection: duckdb.DuckDBPyConnection, table: WarehouseTable) -> int:
    row = connection.execute(f"select count(*) from {table.sql_name}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def _asked_table(tables: list[WarehouseTable], question: str) -> WarehouseTable | None:
    """Pick the table whose name the question covers best; marts before staging before raw."""
    asked = set(words_of(question))

    def rank(table: WarehouseTable) -> tuple[int, int, int, str, str]:
        words = name_words(table.name)
        hits = sum(word in asked for word in words)
        layer = _LAYER_RANK.get(table.name.split("_")[0].lower(), 1)
        return (-hits, len(words) - hits, layer, table.schema, table.name)

    ranked = sorted(tables, key=rank)
    return ranked[0] if ranked and rank(ranked[0])[0] < 0 else None


def _planned(table: WarehouseTable, question: str) -> _Plan:
    before, _, after = question.lower().partition(" by ")
    if not after:
        before, _, after = question.lower().partition(" per ")
    measure, measure_name = _measure(table, before)
    group, group_name = _group(table, words_of(after)) if after else (None, "")
    return _Plan(table, measure, measure_name, group, group_name)


def _measure(table: WarehouseTable, question: str) -> tuple[str, str]:
    asked = [word for word in words_of(question) if word not in name_words(table.name)]
    for function, signs in _AGGREGATES.items():
        if any(stem(sign) in asked for sign in signs):
            column = table.named(asked, _NUMERIC) or table.first(_NUMERIC)
            if column is not None:
                return f"{function}({quoted(column)})", f"{function}_{column}"
    return "count(*)", f"number_of_{'_'.join(words_of(table.name))}"


def _group(table: WarehouseTable, wanted: list[str]) -> tuple[str | None, str]:
    for grain in _TIME_GRAINS:
        column = table.first(_TIME)
        if grain in wanted and column is not None:
            return f"cast(date_trunc('{grain}', {quoted(column)}) as date)", grain
    column = table.named(wanted)
    return (quoted(column), column) if column is not None else (None, "")


def _finding(connection: duckdb.DuckDBPyConnection, plan: _Plan, table: WarehouseTable) -> Finding:
    rows = tuple(tuple(_plain(value) for value in row) for row in connection.execute(plan.sql).fetchall())
    label = plan.measure_name.replace("_", " ")
    if plan.group is None:
        value = rows[0][0] if rows else 0
        text = f"**{show(value)}** is the {label} in `{table.schema}.{table.name}`."
        found = Table((plan.measure_name,), rows)
        chart = Chart(label, (table.name,), (_number(value),))
    else:
        found = Table((plan.group_name, plan.measure_name), rows)
        text = f"The {label} by {plan.group_name} in `{table.schema}.{table.name}`:\n\n{found.markdown()}"
        chart = Chart(
            f"{label} by {plan.group_name}",
            tuple(show(row[0]) for row in rows),
            tuple(_number(row[1]) for row in rows),
        )
    return Finding(text, plan.sql, found, chart, _follow_ups(table))


def _overview(connection: duckdb.DuckDBPyConnection, tables: list[WarehouseTable]) -> Finding:
    rows = tuple((f"{table.schema}.{table.name}", _count(connection, table)) for table in tables)
    found = Table(("table", "rows"), rows)
    text = f"I could not tell which table you mean. The warehouse has {len(rows)}:\n\n{found.markdown(20)}"
    chart = Chart("rows per table", tuple(name for name, _ in rows), tuple(float(n) for _, n in rows))
    sql = "select table_schema, table_name from information_schema.tables"
    return Finding(text, sql, found, chart, tuple(f"How many {table.name}?" for table in tables[:3]))


def _follow_ups(table: WarehouseTable) -> tuple[str, ...]:
    name = " ".join(name_words(table.name))
    texts = [c for c, t in table.columns if t == "VARCHAR" and "id" not in words_of(c)]
    asked = [f"How many {table.name} by {column}?" for column in texts[:2]]
    number = table.first(_NUMERIC)
    if number is not None:
        asked.append(f"What is the average {number.replace('_', ' ')} in {table.name}?")
    return tuple(asked) or (f"How many {name} are there?",)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
