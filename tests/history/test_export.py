"""The way from Dot into a warehouse that both orchestrators take."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from dot_provider.api import DotClient, DotConfigError, DotServerError
from dot_provider.history import HistoryWindow, export_history
from dot_provider.sandbox import Sandbox
from tests.clock import FakeClock

from .conftest import Warehouse

OCTOBER = HistoryWindow(date(2026, 10, 1), date(2026, 10, 31))


@pytest.fixture
def dot() -> Iterator[Sandbox]:
    with Sandbox(history=200, history_until=date(2026, 10, 31)) as sandbox:
        yield sandbox


@pytest.fixture
def client(dot: Sandbox) -> Iterator[DotClient]:
    with DotClient(dot.token, dot.base_url, clock=FakeClock()) as client:
        yield client


def test_the_days_of_the_window_are_asked_for_and_loaded(
    dot: Sandbox, client: DotClient, duckdb_warehouse: Warehouse
) -> None:
    loaded = export_history(
        client,
        OCTOBER,
        destination=duckdb_warehouse.destination,
        credentials=duckdb_warehouse.credentials,
        dataset="chats",
        include_all_workspaces=True,
        count_tables=True,
    )
    assert [request.query for request in dot.requests] == [
        {"start_date": "2026-10-01", "end_date": "2026-10-31", "include_all_workspaces": "true"}
    ]
    assert loaded.window == OCTOBER
    assert loaded.tables == ("chats.conversations", "chats.messages")
    assert loaded.table_rows is not None
    conversations, messages = duckdb_warehouse.rows("chats")
    assert loaded.conversations == len(conversations) == len(client.export_history(OCTOBER.start, OCTOBER.end)) > 0
    assert loaded.messages == len(messages) > 0


def test_an_export_that_is_cut_loads_nothing(dot: Sandbox, client: DotClient, duckdb_warehouse: Warehouse) -> None:
    dot.fail_next("/export_history", status=500)
    with pytest.raises(DotServerError):
        export_history(client, OCTOBER, destination="duckdb", credentials=duckdb_warehouse.credentials)
    assert not Path(duckdb_warehouse.credentials).exists()


@pytest.mark.parametrize(("destination", "credentials"), [("oracle", None), ("duckdb", "/nowhere/warehouse.duckdb")])
def test_a_warehouse_that_cannot_be_is_refused_before_dot_is_asked(
    dot: Sandbox, client: DotClient, destination: str, credentials: str | None
) -> None:
    with pytest.raises(DotConfigError):
        export_history(client, OCTOBER, destination=destination, credentials=credentials)
    assert dot.requests == []


def test_nothing_of_the_export_stays_on_this_machine(
    client: DotClient, duckdb_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    export_history(client, OCTOBER, destination="duckdb", credentials=duckdb_warehouse.credentials)
    assert list(temporary.iterdir()) == []
