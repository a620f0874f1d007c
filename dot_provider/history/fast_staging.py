"""DuckDB and PostgreSQL without dlt's files: rows go straight from Arrow into temporary tables of the connection.

A killed load leaves nothing behind, because the tables die with the connection.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from dot_provider.history.dlt_adapter import Batches, Warehouse, new_load_id
from dot_provider.history.duckdb_file import MEMORY
from dot_provider.history.load_errors import is_out_of_memory
from dot_provider.history.tables import arrow_schema

_POSTGRES = {"text": "text", "bigint": "bigint", "double": "double precision", "timestamp": "timestamptz"}
_MOST_MEMORY = 64 * MEMORY


class DuckDbWarehouse(Warehouse):
    """DuckDB reads Arrow tables of this process as if they were its own."""

    _memory = MEMORY

    def makes_room(self, error: BaseException) -> bool:
        """Double the memory where ``error`` says that it was too little, as for texts of many megabytes."""
        config = self._credentials.get("global_config") if isinstance(self._credentials, Mapping) else None
        is_ours = (config or {}).get("memory_limit") == f"{MEMORY}B"  # what the user set stays
        if not (is_ours and self._memory < _MOST_MEMORY and is_out_of_memory(error)):
            return False
        self._memory *= 2
        self.sql.native_connection.execute(f"SET memory_limit = '{self._memory}B'")
        return True

    def staged(self, table: str) -> str:
        """Return the name of the temporary table."""
        return f"temp.dot_{table}"

    def stage(self, batches: Batches) -> str:
        """Insert the batches."""
        # dlt leaves results behind, and DuckDB begins nothing before they are read.
        self.sql.native_connection.fetchall()
        for table in self.layout.columns:
            empty = arrow_schema(table).empty_table()
            self._insert(f"CREATE TEMP TABLE dot_{table} AS SELECT * FROM arrived", empty)  # noqa: S608
        for table, batch in batches:
            if batch.num_rows:
                self._insert(f"INSERT INTO {self.staged(table)} SELECT * FROM arrived", batch)  # noqa: S608
        return new_load_id()

    def _insert(self, statement: str, arrived: Any) -> None:
        connection = self.sql.native_connection
        connection.register("arrived", arrived)
        while True:
            try:
                connection.execute(statement).fetchall()
                break
            except Exception as error:
                if not self.makes_room(error):
                    raise
        connection.unregister("arrived")


class PostgresWarehouse(Warehouse):
    """PostgreSQL takes CSV by COPY.

    All of a load is one transaction, so that a pooler between may give each transaction another connection. Statements
    go past dlt, which would reset the connection after an error.
    """

    def run(self, statement: str, *values: Any) -> list[Any]:
        """Execute a statement and return its rows."""
        with self.sql.native_connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def lock(self) -> None:
        """Wait for other loads of this dataset, on whatever machine, until they are committed."""
        self.run("SELECT pg_advisory_xact_lock(hashtext(%s))", f"dot_provider.history {self._dataset}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the transaction that the rows were staged in; an error takes it back to then."""
        self.run("SAVEPOINT staged")
        try:
            yield
            self.sql.native_connection.commit()
        except Exception:
            with suppress(Exception):
                self.run("ROLLBACK TO SAVEPOINT staged")
            raise

    def staged(self, table: str) -> str:
        """Return the name of the temporary table."""
        return f"pg_temp.dot_{table}"

    def stage(self, batches: Batches) -> str:
        """Copy the batches."""
        from pyarrow.csv import WriteOptions, write_csv

        self.sql.native_connection.autocommit = False
        for table, columns in self.layout.columns.items():
            kinds = ", ".join(f"{self.column(name)} {_POSTGRES[kind]}" for name, kind in columns.items())
            self.run(f"CREATE TEMP TABLE dot_{table} ({kinds}) ON COMMIT DROP")
        for table, batch in batches:
            if batch.num_rows:
                text = io.BytesIO()
                # Texts are quoted, so that an empty one is not taken for a missing one.
                write_csv(batch, text, WriteOptions(include_header=False))
                text.seek(0)
                with self.sql.native_connection.cursor() as cursor:
                    cursor.copy_expert(f"COPY {self.staged(table)} FROM STDIN (FORMAT csv, ENCODING 'UTF8')", text)
        for table in self.layout.columns:
            self.run(f"ANALYZE {self.staged(table)}")
        return new_load_id()


WAREHOUSES: dict[str, type[Warehouse]] = {"duckdb": DuckDbWarehouse, "postgres": PostgresWarehouse}
"""Those that need dlt for signing in and for the tables alone."""
