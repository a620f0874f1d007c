"""Answers a question: with the answers file's SQL, else by counting a table, else with made-up numbers."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dot_provider.sandbox import warehouse
from dot_provider.sandbox.answers import AnswerEntry, Answers, ChartSpec
from dot_provider.sandbox.results import Chart, Result, Table, show
from dot_provider.sandbox.warehouse import NoWarehouse, WarehouseTable

_MOST_ROWS = 1000
_LAYERS = ("fct", "fact", "dim", "mart", "int", "stg", "staging", "src", "raw")
"""Words of a table's name that say where in the project it stands; what people ask about comes first."""
_METRICS = ("revenue", "orders", "customers", "signups", "sessions", "cost", "tickets", "sales", "users")
_CUTS = {
    "region": ("Europe", "North America", "Asia", "Latin America"),
    "channel": ("Organic", "Paid search", "Email", "Partners"),
    "segment": ("Enterprise", "Mid market", "Small business", "Self serve"),
}


class NoAnswer(Exception):
    """A question could not be answered; the message says why."""


def answer(
    question: str, context: str, answers: Answers, file: Path | None, seed: int, schemas: Sequence[str] = ()
) -> Result:
    """Answer one question.

    Args:
        question: its wording.
        context: the questions before it, which made-up numbers depend on.
        answers: what the answers file says.
        file: the DuckDB file; without one an entry's SQL runs in memory.
        seed: what made-up numbers are derived from.
        schemas: where tables that are named without a schema are looked for first.

    Raises:
        NoAnswer: the warehouse is absent or being written, or the entry's SQL or text is broken.
    """
    found = answers.find(question)
    if found is None and file is None:
        return _made_up(question, context, seed)
    try:
        with warehouse.opened(file, schemas) as connection:
            return _from_entry(connection, *found) if found is not None else _counted(connection, question)
    except NoWarehouse as error:
        raise NoAnswer(f"The warehouse could not be read: {error}") from None
    except (duckdb.Error, ValueError) as error:
        raise NoAnswer(f"The warehouse could not answer: {(str(error) or repr(error)).splitlines()[0]}") from None


def _from_entry(connection: duckdb.DuckDBPyConnection, entry: AnswerEntry, groups: Mapping[str, str | None]) -> Result:
    used = {name: text for name, text in groups.items() if re.search(rf"\${name}\b", entry.sql)}
    table = _run(connection, entry.sql, used)
    value = table.rows[0][0] if table.rows else None
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    text = entry.rendered({**groups, "value": value, "rows": rows, "table": table.markdown()})
    if text is None:
        single = len(table.rows) == len(table.columns) == 1
        text = f"{_spoken(table.columns[0]).capitalize()}: **{show(value)}**" if single else table.markdown()
    return Result(text, entry.sql, table, _chart(table, entry.chart), entry.follow_ups)


def _counted(connection: duckdb.DuckDBPyConnection, question: str) -> Result:
    """Count the rows of the table that a "how many ..." names; list the tables where it names none."""
    tables = warehouse.tables_in(connection)
    asked = {word.rstrip("s") for word in _words(question)}
    named = [t for t in tables if {word.rstrip("s") for word in _noun(t.name)} <= asked]
    if not named or not re.search("how many|number of", question.lower()):
        rows = tuple((f"{t.schema}.{t.name}", warehouse.row_count(connection, t)) for t in tables)
        table = Table(("table", "rows"), rows)
        text = f"The sandbox has no answer to this: write one into its answers file. It has {len(rows)} tables:"
        follow_ups = tuple(f"How many {' '.join(_noun(t.name))}?" for t in tables[:3])
        sql = "select table_schema, table_name from information_schema.tables"
        return Result(f"{text}\n\n{table.markdown()}", sql, table, _chart(table), follow_ups)
    best = min(named, key=lambda t: (-len(_noun(t.name)), _layer(t), t.schema, t.name))
    noun = " ".join(_noun(best.name))
    sql = f"select count(*) as {warehouse.quoted(noun)} from {best.sql_name}"  # noqa: S608
    table = _run(connection, sql, {})
    text = f"There are **{show(table.rows[0][0])}** {noun} in `{best.schema}.{best.name}`."
    return Result(text, sql, table, _chart(table))


def _run(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, str | None]) -> Table:
    cursor = connection.execute(sql, parameters or None)
    columns = tuple(str(column[0]) for column in cursor.description or ())
    if not columns:
        raise ValueError("the SQL returns no table")
    return Table(columns, tuple(tuple(row) for row in cursor.fetchmany(_MOST_ROWS)))


def _chart(table: Table, spec: ChartSpec | None = None) -> Chart:
    spec = spec or ChartSpec()
    x, y = (_position(table, name, default) for name, default in ((spec.x, 0), (spec.y, len(table.columns) - 1)))
    title = spec.title or _spoken(table.columns[y] if x == y else f"{table.columns[y]} by {table.columns[x]}")
    labels = tuple("" if x == y else show(row[x]) for row in table.rows)
    return Chart(title, labels, tuple(_as_float(row[y]) for row in table.rows))


def _position(table: Table, name: str | None, default: int) -> int:
    if name is not None and name not in table.columns:
        raise ValueError(f"the chart wants the column {name}; the SQL returns {', '.join(table.columns)}")
    return default if name is None else table.columns.index(name)


def _as_float(value: Any) -> float:
    number = float(value) if isinstance(value, int | float | Decimal) else 0.0
    return number if math.isfinite(number) else 0.0


def _made_up(question: str, context: str, seed: int) -> Result:
    """Make an answer up from the words of a question; the same words get the same one."""
    words = _words(f"{question} {context}")
    key = f"{seed} {' '.join(_words(context))} > {' '.join(_words(question))}"
    digest = hashlib.sha256(key.encode()).digest()
    metric = next((name for name in _METRICS if name in words), "revenue")
    cut = next((name for name in _CUTS if name in words), sorted(_CUTS)[digest[0] % len(_CUTS)])
    numbers = {
        label: 200 + int.from_bytes(digest[4 * i : 4 * i + 4], "big") % 9800 for i, label in enumerate(_CUTS[cut])
    }
    table = Table((cut, metric), tuple(sorted(numbers.items(), key=lambda row: -row[1])))
    text = (
        f"**{sum(numbers.values()):,}** is the total of {metric}. {table.rows[0][0]} leads.\n\n{table.markdown()}\n\n"
        "_Made up by the sandbox, which has no warehouse to look into._"
    )
    sql = f"select {cut}, sum({metric}) as {metric} from analytics.{metric} group by 1 order by 2 desc"  # noqa: S608
    follow_ups = tuple(f"What is the {metric} by {name}?" for name in _CUTS if name != cut)
    return Result(text, sql, table, _chart(table), follow_ups, is_made_up=True)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+", text.lower())


def _noun(name: str) -> list[str]:
    """Return the words of a table's name as people say it: ``fct_order_items`` is order items."""
    words = _words(name)
    return [word for word in words if word not in _LAYERS] or words


def _layer(table: WarehouseTable) -> int:
    return max((_LAYERS.index(word) for word in _words(f"{table.schema} {table.name}") if word in _LAYERS), default=0)


def _spoken(name: str) -> str:
    return name.replace("_", " ")
