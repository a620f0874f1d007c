"""The example DAG of the shop, run as its reader would."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dot_provider.api import DotClient

pytestmark = pytest.mark.usefixtures("quick_clock")

ANSWERS = Path(__file__).parents[2] / "example_dags" / "shop" / "answers.yaml"


@pytest.fixture
def shop_dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dot_connection: Any) -> Any:
    monkeypatch.setenv("SHOP_DUCKDB", str(tmp_path / "warehouse.duckdb"))
    dot_connection("warehouse", conn_type="duckdb", host=str(tmp_path / "warehouse.duckdb"))
    from example_dags import airflow_shop

    return importlib.reload(airflow_shop).dag


def _rows(path: Path, query: str) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_shop_runs_from_dbt_to_history(shop_dag: Any, sandbox: Any, run_dag: Any, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    dot = sandbox(answers=ANSWERS, duckdb=warehouse, history=200)
    run = run_dag(shop_dag)
    assert run.state == "success", run.states
    orders = _rows(warehouse, "select count(*) from orders")[0][0]
    assert f"{orders:,}" in run.xcom("ask")["text"]
    assert run.xcom("push_dashboards")["sent"] > 0
    exported = _rows(warehouse, "select count(*) from dot_airflow.conversations")[0][0]
    assert exported == run.xcom("export_history")["conversations"] > 0
    assert run.xcom("evaluate")["outcome"] == "pass"
    assert [c.labels for c in dot.conversations.values() if c.labels] == [["airflow", "shop"]]


def test_a_mistake_that_dbt_does_not_find_closes_the_gate(
    shop_dag: Any, sandbox: Any, run_dag: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_BREAK", "1")
    sandbox(answers=ANSWERS, duckdb=tmp_path / "warehouse.duckdb")
    run = run_dag(shop_dag)
    closed = {"dbt_build": "success", "evaluate": "failed", "push_dashboards": "upstream_failed"}
    assert {name: run.states[name] for name in closed} == closed
    wrong = {
        one["id"]: (one["expected"], one["observed"]) for one in run.xcom("evaluate", "evaluation_run")["questions"][:2]
    }
    assert wrong == {"orders.count": ("200", "194"), "orders.returned": ("3", "0")}
    assert (tmp_path / "shop_target" / "evaluation" / "junit.xml").exists()


def test_a_failing_test_is_reported_and_nothing_else_runs(shop_dag: Any, sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    run = run_dag(shop_dag, run_conf={"dbt_arguments": "--vars '{break_a_test: true}'"})
    assert run.state == "failed"
    assert run.states["report_dbt_run"] == "success"
    assert run.xcom("report_dbt_run")["failed"]
    assert run.states["sync"] == "upstream_failed"
    assert {request.path for request in dot.requests} == {"/api/dbt/run_results"}


def test_the_answers_file_fits_the_shop(shop_dag: Any, sandbox: Any, run_dag: Any, tmp_path: Path) -> None:
    """Each of its questions is answered, and its evaluation fails as soon as a model counts wrong."""
    warehouse = tmp_path / "warehouse.duckdb"
    dot = sandbox(answers=ANSWERS, duckdb=warehouse, evaluation_polls=0)
    assert run_dag(shop_dag).state == "success"
    with DotClient(token=dot.token, base_url=dot.base_url) as client:
        assert client.run_evaluation("shop-basics").ok
        for question in ("how many orders were returned?", "what sells best of our products?", "customers per country"):
            assert client.ask(question).tables
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("insert into orders select * from orders limit 1")
        assert client.run_evaluation("shop-basics").verdict == "fail"
