"""The DuckDB file that questions are answered from: opened for reading, and closed again soon."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dot_provider.sandbox.words import words_of

NUMBER = re.compile(r"^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|U\w*INT\w*|FLOAT|DOUBLE|DECIMAL.*)$")
TIME = re.compile(r"^(DATE|TIMESTAMP.*)$")
TEXT = re.compile(r"^(VARCHAR|ENUM.*)$")
_HIDDEN_SCHEMAS = ("information_schema", "pg_catalog")


@dataclass(frozen=True)
class WarehouseTable:
    """A table or view, and its columns as name and DuckDB type."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def sql_name(self) -> str:
        """The quoted name with its schema."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def of_type(self, type_: re.Pattern[str]) -> list[str]:
        """Return the columns of one kind of type, without ids."""
        return [name for name, is_ in self.columns if type_.match(is_) and "id" not in words_of(name)]


def quoted(name: str) -> str:
    """Quote a name for SQL unless it needs none."""
    if re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        return name
    return '"' + name.replace('"', '""') + '"'


def opened(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file for reading; ``with`` closes it.

    Raises:
        FileNotFoundError: there is no such file yet.
        duckdb.IOException: another process has it open for writing.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no warehouse at {path.name} yet")
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.ConnectionException:
        # This process has the file open for writing; DuckDB then shares that instance.
        return duckdb.connect(str(path))


def tables_in(connection: duckdb.DuckDBPyConnection) -> list[WarehouseTable]:
    """List tables and views, without dlt's own."""
    rows = connection.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns"
        " where table_catalog = current_database() order by table_schema, table_name, ordinal_position"
    ).fetchall()
    columns: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column, type_ in rows:
        if schema not in _HIDDEN_SCHEMAS and not name.startswith("_dlt"):
            columns.setdefault((schema, name), []).append((column, type_))
    return [WarehouseTable(schema, name, tuple(cols)) for (schema, name), cols in columns.items()]


def row_count(connection: duckdb.DuckDBPyConnection, table: WarehouseTable) -> int:
    """Count the rows of a table."""
    row = connection.execute(f"select count(*) from {table.sql_name}").fetchone()  # noqa: S608
    return int(row[0]) if row else 0


def catalog(path: Path) -> list[tuple[WarehouseTable, int]]:
    """List the tables of a file with their row counts; none while it is absent or being written."""
    try:
        with opened(path) as connection:
            return [(table, row_count(connection, table)) for table in tables_in(connection)]
    except (FileNotFoundError, duckdb.IOException):
        return []
