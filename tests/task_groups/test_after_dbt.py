"""The usual steps after dbt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG, task

from dot_provider.api.errors import DotUsageError
from dot_provider.task_groups import dot_after_dbt


def _after(shop: Any, fails: bool = False, **arguments: Any) -> DAG:
    with DAG("after_dbt", schedule=None) as dag:

        @task
        def dbt_build() -> None:
            assert not fails

        dbt_build() >> dot_after_dbt(
            target_path=shop.target_path, connection_id="shop", **{"report_dbt_run": {"since": None}, **arguments}
        )
    return dag


def test_reports_syncs_pushes_and_evaluates(sandbox: Any, run_dag: Any, shop: Any) -> None:
    dot = sandbox(evaluation_polls=0)
    run = run_dag(_after(shop, evaluation_id="finance"))
    assert set(run.states) == {
        "dbt_build",
        *(f"dot_after_dbt.{step}" for step in ("report_dbt_run", "sync", "push_exposures", "evaluate")),
    }
    assert set(run.states.values()) == {"success"}
    first_seen = list(dict.fromkeys(request.path.split("/")[2] for request in dot.requests))
    assert first_seen.index("sync") < first_seen.index("import_and_overwrite_external_asset")


def test_after_a_failed_dbt_run_only_the_report_is_sent(sandbox: Any, run_dag: Any, failing_shop: Any) -> None:
    dot = sandbox()
    run = run_dag(_after(failing_shop, fails=True))
    assert run.states["dot_after_dbt.report_dbt_run"] == "success"
    assert run.states["dot_after_dbt.sync"] == "upstream_failed"
    assert {request.path for request in dot.requests} == {"/api/dbt/run_results"}


def test_each_step_takes_arguments_of_its_own(sandbox: Any, run_dag: Any, shop: Any) -> None:
    dot = sandbox(evaluation_polls=2)
    evaluate = {"timeout": timedelta(hours=1), "poll_interval": 0.05}
    push = {"dry_run": "{{ params.dry }}", "prune": "{{ params.prune }}"}
    dag = _after(shop, evaluation_id="finance", deferrable=True, evaluate=evaluate, push_exposures=push, retries=2)
    dag.params = {"dry": True, "prune": "deactivate"}
    assert {task.retries for task in dag.tasks if task.task_id != "dbt_build"} == {2}
    run = run_dag(dag)
    assert set(run.states.values()) == {"success"}
    assert run.deferrals("dot_after_dbt.evaluate") == 1
    assert "would send" in run.xcom("dot_after_dbt.push_exposures")
    assert not any("import" in request.path for request in dot.requests)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"dry_run": True}, r"dry_run belongs to one step: write push_exposures=\{'dry_run': ...\}"),
        ({"since": None}, r"since belongs to one step: write report_dbt_run=\{'since': ...\}"),
        ({"deferrable": True}, "deferrable needs an evaluation_id"),
        ({"evaluate": {"timeout": 5}}, "timeout needs an evaluation_id"),
        ({"evaluation_id": "finance", "timeout": "1h"}, "evaluate: timeout must be a number of seconds"),
    ],
)
def test_an_argument_of_another_step_is_refused_when_the_dag_is_parsed(shop: Any, arguments: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        _after(shop, **arguments)


def test_a_suite_is_an_evaluation_that_knows_the_build() -> None:
    with DAG("d", schedule=None) as dag:
        dot_after_dbt(target_path="/t", connection_id="shop", suite_file="/s.yaml", sql_conn_id="warehouse")
    task = dag.get_task("dot_after_dbt.evaluate")
    assert (task.suite_file, task.dbt_manifest, task.evaluation_id) == ("/s.yaml", "/t", None)


def test_exposures_are_not_pushed_where_a_text_says_no(shop: Any) -> None:
    assert "dot_after_dbt.push_exposures" not in _after(shop, push_exposures="False").task_ids
    with pytest.raises(DotUsageError, match="push_exposures"):
        _after(shop, push_exposures="yes")
