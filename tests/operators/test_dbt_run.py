"""Reporting dbt runs from a DAG."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.exceptions import AirflowFailException
from airflow.sdk import DAG, ObjectStoragePath, task

from dot_provider.operators import DotReportDbtRunOperator


def test_a_failing_run_becomes_incidents_and_a_passing_one_ends_them(
    sandbox: Any, run_task: Any, shop: Any, failing_shop: Any
) -> None:
    dot = sandbox()
    bad = run_task(DotReportDbtRunOperator, target_path=failing_shop.target_path)
    assert bad.state == "success"
    summary = bad.xcom("task")
    assert (summary["ok"], summary["command"], summary["project"]) == (False, "build", "shop")
    assert len(summary["failed"]) == 1
    assert len(dot.workspace.incidents.open) == 1
    good = run_task(DotReportDbtRunOperator, target_path=str(shop.target_path))
    assert good.xcom("task")["ok"]
    assert dot.workspace.incidents.open == []


def test_runs_after_a_failed_dbt_task(sandbox: Any, run_dag: Any, failing_shop: Any) -> None:
    sandbox()
    with DAG("dbt_fails", schedule=None) as dag:

        @task
        def dbt_build() -> None:
            raise RuntimeError("dbt: 1 of 20 failed")

        dbt_build() >> DotReportDbtRunOperator(task_id="report", target_path=failing_shop.target_path)
    assert run_dag(dag).states == {"dbt_build": "failed", "report": "success"}


def test_artifacts_can_lie_in_object_storage_or_be_given_as_documents(sandbox: Any, run_task: Any, shop: Any) -> None:
    sandbox()
    manifest = json.loads((shop.target_path / "manifest.json").read_text())
    storage = f"file://{shop.target_path}/run_results.json"
    run = run_task(
        DotReportDbtRunOperator, run_results=storage, manifest=ObjectStoragePath(f"file://{shop.target_path}")
    )
    assert run.xcom("task")["ok"]
    task = DotReportDbtRunOperator(task_id="t", run_results=storage, manifest=manifest)
    assert task.execute({})["ok"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "Give target_path"),
        ({"target_path": ""}, "target_path is empty"),
        ({"target_path": "/nowhere"}, "There is no .*run_results.json"),
        ({"run_results": {"results": []}, "manifest": {}}, "metadata.dbt_schema_version is missing"),
        ({"target_path": 5}, "target_path must be a path, not int"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(sandbox: Any, arguments: Any, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotReportDbtRunOperator(task_id="t", **arguments).execute({})
    assert dot.requests == []
