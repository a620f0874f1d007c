"""The next load removes what killed ones left, and nothing of a load that may live."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from dot_provider.history import HistoryLoadError, staging_cleanup

from .conftest import Warehouse, conversation
from .test_publish import load_in_process

pytestmark = pytest.mark.usefixtures("by_dlt")

LOADED = [conversation("c1", "hello")]


def _days_after(left: str, days: int, mocker: MockerFixture) -> None:
    made = datetime.strptime(left.split("_")[2], "%Y%m%d").date()
    mocker.patch.object(staging_cleanup, "today", return_value=made + timedelta(days=days))


def _killed(warehouse: Warehouse, temporary: Path) -> str:
    """Return the schema that a killed load left."""
    statements = int(load_in_process(warehouse, 0, temporary, "by dlt").stdout)
    assert load_in_process(warehouse, statements // 2, temporary, "by dlt").returncode == -9
    (left,) = warehouse.schemas() - {"dot"}
    return left


@pytest.mark.parametrize("name", ["duckdb", "postgres"])
def test_the_schema_of_a_dead_load_is_dropped(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, mocker: MockerFixture
) -> None:
    warehouse: Warehouse = request.getfixturevalue(f"{name}_warehouse")
    left = _killed(warehouse, tmp_path)
    _days_after(left, 1, mocker)
    warehouse.load(LOADED)
    assert warehouse.schemas() == {"dot", left}
    _days_after(left, 2, mocker)
    warehouse.load(LOADED)
    assert warehouse.schemas() == {"dot"}


def test_a_failed_load_drops_it_too(postgres_warehouse: Warehouse, tmp_path: Path, mocker: MockerFixture) -> None:
    left = _killed(postgres_warehouse, tmp_path)
    postgres_warehouse.execute("ALTER TABLE dot.messages ADD CHECK (content <> 'hello')")
    _days_after(left, 2, mocker)
    with pytest.raises(HistoryLoadError):
        postgres_warehouse.load(LOADED)
    assert postgres_warehouse.schemas() == {"dot"}


@pytest.mark.parametrize(
    "name",
    [
        "dot_staging_20200101_abcdefg",
        "dot_staging_20209999_abcdefgh",
        "dot_staging_abcdefgh",
        "dot_staging",
        "dot_archive_20200101_abcdefgh",
        "my_dot_staging_20200101_abcdefgh",
        "dot_airflow_staging_20200101_abcdefgh",
    ],
)
def test_a_schema_that_is_none_of_this_dataset_stays(postgres_warehouse: Warehouse, name: str) -> None:
    postgres_warehouse.execute(f'CREATE SCHEMA "{name}"')
    postgres_warehouse.load(LOADED)
    assert postgres_warehouse.schemas() == {"dot", name}


def test_a_load_that_took_so_long_that_it_counts_as_dead_publishes_nothing(
    duckdb_warehouse: Warehouse, mocker: MockerFixture
) -> None:
    duckdb_warehouse.load([conversation("c1", "before")])
    before = duckdb_warehouse.rows()
    mocker.patch.object(staging_cleanup, "LONGEST_LOAD", -1.0)
    with pytest.raises(HistoryLoadError, match="ask for fewer days at once") as caught:
        duckdb_warehouse.load(LOADED)
    assert not caught.value.retryable
    assert duckdb_warehouse.rows() == before
    assert duckdb_warehouse.schemas() == {"dot"}


def test_a_warehouse_that_cannot_list_schemas_is_loaded_all_the_same(
    duckdb_warehouse: Warehouse, mocker: MockerFixture
) -> None:
    drop = mocker.patch("dot_provider.history.dlt_adapter.drop_schemas", side_effect=RuntimeError("no such view"))
    assert duckdb_warehouse.load(LOADED).conversations == 1
    assert drop.call_count == 1


def test_folders_of_dead_loads_are_removed(
    duckdb_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, elsewhere = tmp_path / "temporary", tmp_path / "elsewhere"
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    dead, busy, young, other = (temporary / name for name in ("dot-history-a", "dot-history-b", "dot-history-c", "dot"))
    for folder in (dead, busy, young, other, elsewhere):
        folder.mkdir(parents=True)
        (folder / "stage.sqlite").touch()
    (temporary / "dot-history-link").symlink_to(elsewhere)
    two_days_ago = time.time() - 2 * 86400
    for path in (
        dead,
        dead / "stage.sqlite",
        busy,
        other,
        other / "stage.sqlite",
        elsewhere / "stage.sqlite",
        elsewhere,
    ):
        os.utime(path, (two_days_ago, two_days_ago))
    duckdb_warehouse.load(LOADED)
    assert {path.name for path in temporary.iterdir()} == {"dot-history-b", "dot-history-c", "dot-history-link", "dot"}
    assert (elsewhere / "stage.sqlite").exists()
