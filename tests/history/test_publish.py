from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from pytest_mock import MockerFixture

from dot_provider.history import HistoryLoadError, LoadResult, publish

from .conftest import Warehouse, conversation
from .killed_load import AFTER

BEFORE = [conversation(f"c{n}", *["before"] * 4, title="before") for n in range(50)]


def load_in_process(
    warehouse: Warehouse, deadly: int, temporary: Path, *by_dlt: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.history.killed_load", warehouse.destination, warehouse.credentials]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.run(
        [*command, str(deadly), *by_dlt], capture_output=True, text=True, cwd=root, env=environment, check=False
    )


def test_a_killed_load_leaves_the_last_complete_state(warehouse: Warehouse, tmp_path: Path) -> None:
    """Killed at the borders of the transaction and before it, both tables are old or both are new; a rerun is exact."""
    warehouse.load(BEFORE)
    before = warehouse.rows()
    statements = int(load_in_process(warehouse, 0, tmp_path).stdout)
    after = warehouse.rows()
    assert (len(before[1]), len(after[1])) == (200, sum(n % 3 for n in range(50)))
    warehouse.load(BEFORE)
    for deadly in (statements // 2, *range(statements - 8, statements + 1, 2)):
        assert load_in_process(warehouse, deadly, tmp_path).returncode == -9
        assert warehouse.rows() in (before, after), f"mixed after statement {deadly} of {statements}"
        if warehouse.rows() == after:
            warehouse.load(BEFORE)
    warehouse.load(AFTER)
    assert warehouse.rows() == after


def test_parts_of_a_conversation_that_are_loaded_at_the_same_moment_are_all_kept(warehouse: Warehouse) -> None:
    days = [
        {"chat_id": "c", "number_of_messages": 24, "messages": [{"content": f"{day}{n}"} for n in range(3)]}
        for day in "abcdefgh"
    ]
    warehouse.load([conversation("c")])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: warehouse.load([day]), days))
    assert sorted(row[3] for row in warehouse.rows()[1]) == sorted(
        m["content"] for day in days for m in day["messages"]
    )


def test_loads_at_the_same_moment_never_double_a_conversation(postgres_warehouse: Warehouse) -> None:
    records = [conversation(f"c{n}", "1", "2", "3") for n in range(100)]
    postgres_warehouse.load(records)

    def load(first: int) -> LoadResult | HistoryLoadError:
        try:
            return postgres_warehouse.load(records[first:])
        except HistoryLoadError as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(load, range(0, 40, 10)))
    assert all(isinstance(found, LoadResult) or found.retryable for found in outcomes)
    conversations, messages = postgres_warehouse.rows()
    assert len({row[0] for row in conversations}) == len(conversations) == 100
    assert len({row[:2] for row in messages}) == len(messages) == 300


def test_a_warehouse_that_refuses_a_row_keeps_what_it_had(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.load(BEFORE)
    before = postgres_warehouse.rows()
    postgres_warehouse.execute("ALTER TABLE dot.messages ADD CHECK (content <> 'refused: private words')")
    with pytest.raises(HistoryLoadError) as caught:
        postgres_warehouse.load([conversation("c1", "refused: private words")])
    assert "private words" not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert postgres_warehouse.rows() == before
    assert postgres_warehouse.schemas() == {"dot"}


def test_first_loads_at_the_same_moment_do_not_fail(warehouse: Warehouse) -> None:
    """Threads of one process, because only those share a DuckDB file; each load would make the tables."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(warehouse.load, [BEFORE] * 4))
    conversations, messages = warehouse.rows()
    assert (len(conversations), len(messages)) == (50, 200)


def test_a_load_waits_for_the_transaction_it_conflicts_with(duckdb_warehouse: Warehouse, mocker: MockerFixture) -> None:
    duckdb_warehouse.load(BEFORE)
    tries = mocker.spy(publish, "_replace")
    changed = [{**record, "title": "changed"} for record in BEFORE]
    with duckdb.connect(duckdb_warehouse.credentials) as other, ThreadPoolExecutor(1) as pool:
        other.begin()
        other.execute("DELETE FROM dot.conversations WHERE chat_id = 'c1'")
        load = pool.submit(duckdb_warehouse.load, changed)
        while tries.call_count < 2 and not load.done():
            time.sleep(0.01)
        other.commit()
        assert load.result().conversations == 50
    assert tries.call_count > 1
    assert len(duckdb_warehouse.rows()[0]) == 50


def test_the_pauses_grow_and_end(mocker: MockerFixture) -> None:
    clock = mocker.patch.object(publish, "time")
    clock.monotonic.return_value = 0.0
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.monotonic.return_value += seconds

    def step() -> None:
        raise duckdb.TransactionException("TransactionContext Error: Conflict on tuple deletion!")

    clock.sleep.side_effect = sleep
    with pytest.raises(duckdb.TransactionException):
        publish._patiently(step)
    assert pauses[0] <= 0.05
    assert max(pauses) <= 2
    assert sum(pauses) == pytest.approx(60)


def test_an_error_that_is_no_conflict_is_raised_at_the_first_try(
    postgres_warehouse: Warehouse, mocker: MockerFixture
) -> None:
    postgres_warehouse.load(BEFORE)
    postgres_warehouse.execute("ALTER TABLE dot.messages ADD CHECK (content <> 'refused')")
    tries = mocker.spy(publish, "_replace")
    with pytest.raises(HistoryLoadError):
        postgres_warehouse.load([conversation("c1", "refused")])
    assert tries.call_count == 1
