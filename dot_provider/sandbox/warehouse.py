"""The DuckDB file that questions are answered from: opened for reading, and closed again soon."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

_TRIES = 20


class NoWarehouse(Exception):
    """The file cannot be read now; the message says why."""


@dataclass(frozen=True)
class WarehouseTable:
    """A table or view, with its number of columns."""

    schema: str
    name: str
    column_count: int

    @property
    def sql_name(self) -> str:
        """The name with its schema, quoted."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def opened(file: Path | None, schemas: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file for reading, waiting up to two seconds for a writer to close it; ``with`` closes it.

    Args:
        file: without one the connection is to an empty database in memory.
        schemas: where tables that are named without a schema are looked for before ``main``; absent ones are left out.

    Raises:
        NoWarehouse: there is no such file yet, it is none of DuckDB's, or another process is writing to it.
    """
    if file is not None and not file.exists():
        raise NoWarehouse(f"there is no warehouse at {file.name} yet.")
    for tries_left in reversed(range(_TRIES)):
        try:
            connection = _connected(file)
        except duckdb.IOException as error:
            if not tries_left:
                reason = str(error).splitlines()[0]
                raise NoWarehouse(f"another process is writing to it, ask again later ({reason}).") from None
            time.sleep(0.1)
        except duckdb.Error as error:
            raise NoWarehouse(str(error).splitlines()[0]) from None
        else:
            break
    present = {schema for (schema,) in connection.execute("select schema_name from duckdb_schemas()").fetchall()}
    path = [quoted(schema) for schema in schemas if schema in present]
    connection.execute("set search_path = ?", [",".join([*path, "main"])])
    return connection


def tables_in(connection: duckdb.DuckDBPyConnection) -> list[WarehouseTable]:
    """List tables and views, without dlt's own."""
    rows = connection.execute(
        "select table_schema, table_name, count(*) from information_schema.columns"
        " where table_catalog = current_database() and table_schema not in ('information_schema', 'pg_catalog')"
        " and not starts_with(table_name, '_dlt') group by all order by all"
    ).fetchall()
    return [WarehouseTable(*row) for row in rows]


def catalog(file: Path) -> list[tuple[str, int, int]]:
    """List each table with its columns and rows, counted; none while the file is absent or being written."""
    try:
        with opened(file) as connection:
            tables = tables_in(connection)
            return [(f"{t.schema}.{t.name}", t.column_count, row_count(connection, t)) for t in tables]
    except NoWarehouse:
        return []


def row_count(connection: duckdb.DuckDBPyConnection, table: WarehouseTable) -> int:
    """Count the rows of a table; 0 of a view that is broken."""
    try:
        row = connection.execute(f"select count(*) from {table.sql_name}").fetchone()  # noqa: S608
    except duckdb.Error:
        return 0
    return int(row[0]) if row else 0


def _connected(file: Path | None) -> duckdb.DuckDBPyConnection:
    if file is None:
        return duckdb.connect()
    try:
        return duckdb.connect(str(file), read_only=True)
    except duckdb.ConnectionException:
        # This process has the file open for writing; DuckDB then shares that instance.
        return duckdb.connect(str(file))
