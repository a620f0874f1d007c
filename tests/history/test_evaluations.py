"""Verdicts in the warehouse: the same runs again give the same rows, and nothing that Dot says gets lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dot_provider.api import DotClient, DotUsageError, EvaluationSuite
from dot_provider.api.evaluations import EvaluationRun
from dot_provider.history import HistoryWindow, export_evaluations, export_history, load_evaluation_runs
from dot_provider.history.tables import EVALUATIONS
from dot_provider.sandbox import Sandbox
from tests.history.conftest import Warehouse

ANSWERS = {
    "questions": [
        {"question": "How many orders?", "sql": "select 3"},
        {"question": "What is our revenue?", "sql": "select 12.5"},
    ]
}
QUESTIONS = [
    {"id": "orders", "question": "How many orders?", "expected_answer": "3"},
    {"id": "revenue", "question": "What is our revenue?", "expected_answer": "99"},
]


@pytest.fixture
def dot(tmp_path: Path) -> Iterator[DotClient]:
    duckdb.connect(str(tmp_path / "shop.duckdb")).close()
    with (
        Sandbox(answers=ANSWERS, duckdb=tmp_path / "shop.duckdb", history=5) as sandbox,
        DotClient(sandbox.token, sandbox.base_url) as client,
    ):
        yield client


@pytest.fixture
def run(dot: DotClient) -> EvaluationRun:
    suite = {"name": "Shop", "evaluation_id": "shop", "questions": QUESTIONS}
    return dot.run_evaluation(suite=EvaluationSuite.read(suite), poll_interval=0.01)


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_run_is_there_with_its_results_however_often_it_is_loaded(
    dot: DotClient, run: EvaluationRun, warehouse: Warehouse
) -> None:
    place: dict[str, Any] = {"destination": warehouse.destination, "credentials": warehouse.credentials}
    loaded = export_evaluations(dot, [run.id, run.id], **place)
    assert (loaded.runs, loaded.results) == (1, 2)
    assert [table.partition(".")[2] for table in loaded.tables] == list(EVALUATIONS.tables)
    everything = [
        f"SELECT {', '.join(column for column in columns if column != 'loaded_at')} FROM dot.{table} ORDER BY raw"
        for table, columns in EVALUATIONS.columns.items()
    ]
    first = [warehouse.query(sql) for sql in everything]
    export_history(dot, HistoryWindow.of_dates(), **place)  # beside the conversations, in the same schema
    export_evaluations(dot, [run.id], **place)
    assert [warehouse.query(sql) for sql in everything] == first
    summary = "SELECT run_id, evaluation_id, verdict, total, passed, pass_rate FROM dot.evaluation_runs"
    assert warehouse.query(summary) == [(run.id, "shop", "fail", 2, 1, 0.5)]
    results = "SELECT question_id, verdict, expected, observed FROM dot.evaluation_results ORDER BY position"
    assert warehouse.query(results) == [("orders", "pass", "3", "3"), ("revenue", "fail", "99", "12.5")]


def test_what_is_not_known_is_kept_and_what_no_warehouse_stores_is_cleaned(run: EvaluationRun, tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    raw = {**run.raw, "grader": {"model": "x\0y"}}
    first = replace(run.questions[0], reason="half \ud800", raw={**run.questions[0].raw, "confidence": 0.25})
    odd = replace(run, raw=raw, questions=(first, run.questions[1]))
    load_evaluation_runs([odd], destination="duckdb", credentials=str(file))
    ((text,),) = rows(file, "select raw from dot.evaluation_runs")
    assert json.loads(text)["grader"] == {"model": "x\ufffdy"}
    ((text, reason),) = rows(file, "select raw, reason from dot.evaluation_results where position = 0")
    assert (json.loads(text)["confidence"], reason) == (0.25, "half \ufffd")


def test_a_run_that_lost_a_result_has_lost_it_here_too(run: EvaluationRun, tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    for questions in (run.questions, run.questions[:1]):
        load_evaluation_runs([replace(run, questions=questions)], destination="duckdb", credentials=str(file))
    assert rows(file, "select question_id from dot.evaluation_results") == [("orders",)]


def test_a_run_that_goes_on_is_refused_and_so_is_none(dot: DotClient, run: EvaluationRun, tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with pytest.raises(DotUsageError, match=f"{run.id} has not finished"):
        load_evaluation_runs([replace(run, finished=False)], destination="duckdb", credentials=str(file))
    with pytest.raises(DotUsageError, match="run_ids"):
        export_evaluations(dot, [], destination="duckdb", credentials=str(file))
    assert not file.exists()


def test_a_time_that_cannot_be_read_is_told(
    dot: DotClient, run: EvaluationRun, duckdb_warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    odd = replace(run, raw={**run.raw, "started_at": {"$date": "secret words"}, "finished_at": None})
    place: dict[str, Any] = {"destination": "duckdb", "credentials": duckdb_warehouse.credentials}
    assert load_evaluation_runs([odd], **place).unreadable == {"evaluation_runs.created_at": 1}
    assert "evaluation_runs.created_at (1, " in caplog.text
    assert "secret words" not in caplog.text
