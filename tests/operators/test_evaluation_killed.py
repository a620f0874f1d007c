"""A gate whose process is killed at any of its steps: one run is paid for, by the try that was killed or the next."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.operators.killed_evaluation import run_gate

SUITE = """\
name: Shop
evaluation_id: shop
questions:
  - {id: orders, question: "How many orders?", sql: "select count(*) from orders"}
  - {id: customers, question: "How many customers?", sql: "select count(distinct customer) from orders"}
"""
ANSWERS = {
    "questions": [
        {"question": "How many orders?", "sql": "select count(*) from orders"},
        {"question": "How many customers?", "sql": "select count(distinct customer) from orders"},
    ]
}
BEGIN, END = "read connect query query", "xcom_push xcom_push save_gate end"
STEPS = {
    ("blocking", "memory"): f"{BEGIN} set xcom_push exchange set exchange sleep exchange {END}",
    ("blocking", "no memory"): f"{BEGIN} xcom_push exchange exchange sleep exchange {END}",
    ("deferrable", "memory"): f"{BEGIN} set xcom_push exchange set defer xcom_push exchange set {END}",
    ("deferrable", "no memory"): f"{BEGIN} xcom_push exchange defer xcom_push exchange {END}",
}
"""What a gate does by each way; memory is what Airflow 3.3 and newer keep between tries."""

POINTS = [(*way, number) for way, steps in STEPS.items() for number in range(1, 1 + len(steps.split()))]

Try = Callable[..., int]


@pytest.fixture
def dot(sandbox: Callable[..., Any], dot_connection: Callable[..., None], tmp_path: Path) -> Any:
    for file in ("dot.duckdb", "warehouse.duckdb"):
        with duckdb.connect(str(tmp_path / file)) as connection:
            connection.execute("create table orders as select n as id, n % 2 as customer from range(3) t(n)")
    dot_connection("warehouse", conn_type="duckdb", host=str(tmp_path / "warehouse.duckdb"))
    (tmp_path / "shop.yaml").write_text(SUITE)
    return sandbox(answers=ANSWERS, duckdb=tmp_path / "dot.duckdb", evaluation_polls=1)


@pytest.fixture
def attempt(dot: Any, processes: Any, tmp_path: Path) -> Try:
    """A function that runs a try in a process of its own, and returns its exit code."""
    known = {name: text for name, text in os.environ.items() if name.startswith("AIRFLOW_CONN_")}

    def run(waits: str, keeps: str, deadly: int = 0, **ti: int) -> int:
        how = (keeps == "memory", waits == "deferrable", deadly)
        process = processes.Process(target=run_gate, args=(tmp_path, known, *how), kwargs=ti)
        process.start()
        process.join(60)
        return int(process.exitcode)

    return run


@pytest.mark.parametrize(("waits", "keeps"), STEPS)
def test_the_points_below_are_all_of_its_steps(attempt: Try, tmp_path: Path, waits: str, keeps: str) -> None:
    assert attempt(waits, keeps) == 0
    assert json.loads((tmp_path / "steps.json").read_text()) == STEPS[waits, keeps].split()


@pytest.mark.slow
@pytest.mark.parametrize(("waits", "keeps", "deadly"), POINTS)
def test_a_gate_killed_at_any_step_pays_for_one_run_and_a_clear_for_one_more(
    dot: Any, attempt: Try, waits: str, keeps: str, deadly: int
) -> None:
    runs = dot.workspace.evaluation_runs
    assert attempt(waits, keeps, deadly) == -signal.SIGKILL
    assert attempt(waits, keeps, try_number=2) == 0
    assert [run.status for run in runs.values()] == ["completed"]
    assert attempt(waits, keeps, try_number=3, max_tries=5) == 0
    assert [run.status for run in runs.values()] == ["completed", "completed"]
