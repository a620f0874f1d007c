"""The usual steps after dbt."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from dot_provider.task_groups import dot_after_dbt


def _after(shop: Any, fails: bool = False, **arguments: Any) -> DAG:
    with DAG("after_dbt", schedule=None) as dag:

        @task
        def dbt_build() -> None:
            assert not fails

        dbt_build() >> dot_after_dbt(target_path=shop.target_path, connection_id="shop", **arguments)
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
