from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dot_provider.history import HistoryLoadError, LoadResult

from .conftest import Warehouse, conversation
from .killed_load import AFTER

BEFORE = [conversation(f"c{n}", *["before"] * 4, title="before") for n in range(50)]


def _load_in_process(warehouse: Warehouse, deadly: int, temporary: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.history.killed_load", warehouse.destination, warehouse.credentials]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    return subprocess.run(
        [*command, str(deadly)], capture_output=True, text=True, cwd=root, env=environment, check=False
    )


def test_a_killed_load_leaves_the_last_complete_state(warehouse: Warehouse, tmp_path: Path) -> None:
    """Killed at the borders of the transaction and before it, both tables are old or both are new; a rerun is exact."""
    warehouse.load(BEFORE)
    before = warehouse.rows()
    statements = int(_load_in_process(warehouse, 0, tmp_path).stdout)
    after = warehouse.rows()
    assert (len(before[1]), len(after[1])) == (200, sum(n % 3 for n in range(50)))
    warehouse.load(BEFORE)
    for deadly in (statements // 2, *range(statements - 6, statements - 1, 2)):
        assert _load_in_process(warehouse, deadly, tmp_path).returncode == -9
        assert warehouse.rows() in (before, after), f"mixed after statement {deadly} of {statements}"
        if warehouse.rows() == after:
            warehouse.load(BEFORE)
    warehouse.load(AFTER)
    assert warehouse.rows() == after


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
