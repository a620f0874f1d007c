"""Verdicts of checks in the warehouse, on Dagster's default storage and a real DuckDB: each run once, none missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_dot import (
    DotEvaluationHistoryComponent,
    DotResource,
    build_dot_evaluation_check,
    build_dot_evaluation_checks,
    build_dot_evaluation_history_assets,
)
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run, Runner

ANSWERS = {"questions": [{"question": "How many orders?", "sql": "select 3"}, {"question": "Why?", "sql": "select 7"}]}
SUITE = {
    "name": "Shop",
    "evaluation_id": "shop",
    "questions": [
        {"id": "orders", "question": "How many orders?", "expected_answer": 3},
        {"id": "why", "question": "Why?", "expected_answer": 8},
    ],
}


@dg.asset
def orders() -> None:
    """What is checked."""


SUITE_CHECKS = build_dot_evaluation_checks(suite_file=SUITE, asset=orders, poll_interval=0.01)
SAVED = build_dot_evaluation_check(evaluation_id="saved", asset=orders, name="saved", poll_interval=0.01)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    duckdb.connect(str(tmp_path / "shop.duckdb")).close()
    with Sandbox(answers=ANSWERS, duckdb=tmp_path / "shop.duckdb", evaluation_polls=0) as running:
        yield running


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the storage that everybody has who configures none."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "w.duckdb"


@pytest.fixture
def run(dot: DotResource, instance: dg.DagsterInstance) -> Callable[..., Run]:
    runner = Runner(instance, {"dot": dot})
    return lambda *assets: runner.materialize([*assets])


@pytest.fixture
def verdicts(warehouse: Path) -> dg.AssetsDefinition:
    checks = [SUITE_CHECKS, dg.AssetCheckKey(orders.key, "saved")]
    return build_dot_evaluation_history_assets(checks=checks, destination="duckdb", credentials=str(warehouse))


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_all_runs_of_the_checks_are_there_with_their_results(run: Any, verdicts: Any, warehouse: Path) -> None:
    run(orders, SUITE_CHECKS)
    run(orders, SAVED)
    done = run(verdicts)
    assert done.materialized == ["dot/evaluation_runs", "dot/evaluation_results"]
    runs = rows(warehouse, "select run_id, evaluation_id, verdict, total from dot.evaluation_runs order by 1")
    assert runs == [("evr_1", "shop", "fail", 2), ("evr_2", "saved", "pass", 5)]
    results = "select run_id, question_id, verdict, expected, observed from dot.evaluation_results order by position"
    assert rows(warehouse, results) == [("evr_1", "orders", "pass", "3", "3"), ("evr_1", "why", "fail", "8", "7")]
    assert done.metadata("dot/evaluation_runs")["rows_loaded"] == 2
    schema = done.metadata("dot/evaluation_results")["dagster/column_schema"]
    assert [column.name for column in schema.columns][:3] == ["run_id", "position", "question_id"]


def reads(sandbox: Sandbox, behind: int) -> list[str]:
    asked = sandbox.requests[behind:]
    return [r.path.rpartition("/")[2] for r in asked if r.method == "GET" and "/evaluation_runs/" in r.path]


def test_a_materialization_goes_on_where_the_last_one_ended_and_repeats_a_day(
    run: Any, verdicts: Any, warehouse: Path, sandbox: Sandbox, mocker: Any
) -> None:
    run(orders, SUITE_CHECKS)
    run(verdicts)
    everything = "select * exclude loaded_at from dot.evaluation_runs order by run_id"
    first = rows(warehouse, everything)
    run(orders, SUITE_CHECKS)
    before = len(sandbox.requests)
    run(verdicts)
    assert reads(sandbox, before) == ["evr_1", "evr_2"]
    assert rows(warehouse, everything)[:1] == first
    mocker.patch("dagster_dot.evaluation_history.OVERLAP_SECONDS", -60)
    before = len(sandbox.requests)
    run(verdicts)
    assert reads(sandbox, before) == []
    assert len(rows(warehouse, everything)) == 2


def test_more_runs_than_a_page_of_events_are_all_read(run: Any, verdicts: Any, warehouse: Path, mocker: Any) -> None:
    mocker.patch("dagster_dot.evaluation_history.PAGE", 2)
    for _ in range(5):
        run(orders, SUITE_CHECKS)
    run(verdicts)
    assert rows(warehouse, "select count(*) from dot.evaluation_runs") == [(5,)]


def test_a_run_that_dot_has_no_more_is_told_and_keeps_nothing_from_being_loaded(
    run: Any, verdicts: Any, warehouse: Path, sandbox: Sandbox
) -> None:
    run(orders, SUITE_CHECKS)
    run(orders, SUITE_CHECKS)
    del sandbox.workspace.evaluation_runs["evr_1"]
    assert run(verdicts).metadata("dot/evaluation_runs")["gone"] == "evr_1"
    assert rows(warehouse, "select run_id from dot.evaluation_runs") == [("evr_2",)]


def test_a_load_that_failed_is_made_up_for_by_the_next(run: Any, verdicts: Any, warehouse: Path, sandbox: Any) -> None:
    run(orders, SUITE_CHECKS)
    sandbox.fail_next("/evaluation_runs", status=403)
    assert not run(verdicts).success
    assert run(verdicts).success
    assert rows(warehouse, "select run_id from dot.evaluation_runs") == [("evr_1",)]


def test_before_any_verdict_the_tables_are_empty(run: Any, verdicts: Any, warehouse: Path) -> None:
    assert run(verdicts).metadata("dot/evaluation_results")["rows_loaded"] == 0
    assert rows(warehouse, "select count(*) from dot.evaluation_runs") == [(0,)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"checks": []}, "checks"),
        ({"checks": ["dot/dbt/shop"]}, "checks"),
        ({"checks": "a:b"}, "checks"),
        ({"checks": [5]}, "checks"),
        ({"dataset": ""}, "dataset"),
        ({"key_prefx": "x"}, "key_prefx"),
    ],
)
def test_what_cannot_be_is_refused_when_the_code_location_loads(arguments: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        build_dot_evaluation_history_assets(**{"checks": ["orders:gate"], "destination": "duckdb", **arguments})


def test_the_component_makes_the_same_assets() -> None:
    component = DotEvaluationHistoryComponent(checks=["dot/dbt/shop:dot_evaluation"], destination="duckdb", dataset="d")
    assert [spec.key.to_user_string() for spec in component.get_asset_specs()] == [
        "d/evaluation_runs",
        "d/evaluation_results",
    ]
    with pytest.raises(DotUsageError, match="asset takes no key"):
        assert DotEvaluationHistoryComponent(checks=["a:b"], destination="duckdb", asset={"key": "x"}).step
