"""Reporting dbt runs from a DAG."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.exceptions import AirflowFailException, AirflowSkipException
from airflow.sdk import DAG, ObjectStoragePath, task

from dot_provider.api.errors import DotUsageError
from dot_provider.operators import DotReportDbtRunOperator


def test_a_failing_run_becomes_incidents_and_a_passing_one_ends_them(
    sandbox: Any, run_task: Any, shop: Any, failing_shop: Any
) -> None:
    dot = sandbox()
    bad = run_task(DotReportDbtRunOperator, target_path=failing_shop.target_path, since=None)
    assert bad.state == "success"
    summary = bad.xcom("task")
    assert (summary["ok"], summary["command"], summary["project"]) == (False, "build", "shop")
    assert len(summary["failed"]) == 1
    assert len(dot.workspace.incidents.open) == 1
    good = run_task(DotReportDbtRunOperator, target_path=str(shop.target_path), since=None)
    assert good.xcom("task")["ok"]
    assert dot.workspace.incidents.open == []


def test_runs_after_a_failed_dbt_task(sandbox: Any, run_dag: Any, failing_shop: Any) -> None:
    sandbox()
    with DAG("dbt_fails", schedule=None) as dag:

        @task
        def dbt_build() -> None:
            raise RuntimeError("dbt: 1 of 20 failed")

        dbt_build() >> DotReportDbtRunOperator(task_id="report", target_path=failing_shop.target_path, since=None)
    assert run_dag(dag).states == {"dbt_build": "failed", "report": "success"}


def test_artifacts_can_lie_in_object_storage_or_be_given_as_documents(sandbox: Any, run_task: Any, shop: Any) -> None:
    sandbox()
    manifest = json.loads((shop.target_path / "manifest.json").read_text())
    storage = f"file://{shop.target_path}/run_results.json"
    run = run_task(
        DotReportDbtRunOperator,
        run_results=storage,
        manifest=ObjectStoragePath(f"file://{shop.target_path}"),
        since="{{ macros.datetime(2020, 1, 1) }}",
    )
    assert run.xcom("task")["ok"]
    task = DotReportDbtRunOperator(task_id="t", run_results=storage, manifest=manifest)
    assert task.execute({})["ok"]


def _reports(dot: Any) -> int:
    return sum(request.path == "/api/dbt/run_results" for request in dot.requests)


def test_what_dbt_did_not_write_in_this_run_is_not_reported(sandbox: Any, run_dag: Any, shop_copy: Any) -> None:
    """A dbt that does not compile leaves the results of the run before as they are."""
    dot, model = sandbox(), shop_copy.project_dir / "models" / "broken.sql"

    def run(*command: str) -> tuple[dict[str, str], int]:
        with DAG("dbt", schedule=None) as dag:

            @task
            def dbt() -> None:
                if not command:
                    raise AirflowSkipException
                done = shop_copy.dbt(*command)
                if done.returncode:
                    raise RuntimeError(done.stdout + done.stderr)

            dbt() >> DotReportDbtRunOperator(task_id="report", target_path=shop_copy.target_path)
        before = _reports(dot)
        return run_dag(dag).states, _reports(dot) - before

    build = ("build", "--select", "stg_customers")
    assert run() == ({"dbt": "skipped", "report": "skipped"}, 0)
    assert run(*build) == ({"dbt": "success", "report": "success"}, 1)
    model.write_text("select * from {{ ref('nowhere') }}")
    assert run(*build) == ({"dbt": "failed", "report": "skipped"}, 0)
    assert run("parse") == ({"dbt": "failed", "report": "skipped"}, 0)
    model.unlink()
    assert run(*build) == ({"dbt": "success", "report": "success"}, 1)
    assert run("parse") == ({"dbt": "success", "report": "failed"}, 0)  # a dbt that succeeds and writes no results


def _dag(shop: Any, *states: str, **arguments: Any) -> DAG:
    """dbt tasks that end in these states one after another, and the report behind the last as the docs have it."""
    with DAG("as_documented", schedule=None) as dag:
        before: Any = None
        for number, state in enumerate(states):

            @task(task_id=f"dbt_{number}")
            def dbt(state: str = state) -> None:
                if state == "skipped":
                    raise AirflowSkipException
                assert state == "success"

            before = before >> dbt() if before is not None else dbt()
        before >> DotReportDbtRunOperator(
            task_id="report", **{"target_path": shop.target_path, "retries": 0, **arguments}
        )
    return dag


@pytest.mark.parametrize(
    ("states", "files", "arguments", "state", "report", "sent"),
    [
        (["success"], "failing", {"since": None}, "success", "success", 1),
        (["failed"], "failing", {"since": None}, "failed", "success", 1),
        (["failed"], "failing", {}, "failed", "skipped", 0),
        (["failed"], "none", {}, "failed", "skipped", 0),
        (["skipped"], "failing", {"since": None}, "success", "skipped", 0),
        (["failed", "upstream_failed"], "failing", {"since": None}, "failed", "skipped", 0),
        (["success"], "failing", {}, "success", "failed", 0),
        (["success"], "none", {}, "success", "failed", 0),
    ],
)
def test_the_report_follows_what_became_of_dbt_and_leaves_the_runs_state_to_it(
    sandbox: Any,
    run_dag: Any,
    failing_shop: Any,
    tmp_path: Any,
    states: list[str],
    files: str,
    arguments: Any,
    state: str,
    report: str,
    sent: int,
) -> None:
    dot = sandbox()
    target = {"target_path": tmp_path} if files == "none" else {}
    run = run_dag(_dag(failing_shop, *states, **target, **arguments))
    assert (run.state, run.states["report"], _reports(dot)) == (state, report, sent)
    if sent:
        assert run.xcom("report")["dbt_state"] == states[-1]
        assert run.xcom("report")["ok"] is False


def test_a_dot_that_is_down_does_not_fail_the_run_of_a_dbt_that_passed(
    dot_connection: Any, run_dag: Any, shop: Any
) -> None:
    dot_connection(host="http://127.0.0.1:9", password="token", extra={"timeout": 1})
    run = run_dag(_dag(shop, "success", since=None))
    assert (run.state, run.states["report"]) == ("success", "failed")


def test_clearing_only_the_report_sends_it_again(sandbox: Any, run_dag: Any, shop_copy: Any) -> None:
    """Airflow clears what the report returned, so it is not taken for one of an earlier run."""
    dot = sandbox()
    with DAG("cleared", schedule=None) as dag:

        @task
        def dbt() -> None:
            assert shop_copy.dbt("build", "--select", "stg_customers").returncode == 0

        dbt() >> DotReportDbtRunOperator(task_id="report", target_path=shop_copy.target_path)
    run = run_dag(dag)
    again = run_dag(dag, logical_date=run.dag_run.logical_date, mark_success_pattern="dbt")
    assert again.states["report"] == "success"
    assert _reports(dot) == 2


def test_empty_results_are_nothing_to_report(sandbox: Any, run_dag: Any, shop: Any) -> None:
    dot = sandbox()
    results = {**json.loads((shop.target_path / "run_results.json").read_text()), "results": []}
    run = run_dag(_dag(shop, "success", target_path=None, run_results=results, manifest=shop.target_path))
    assert (run.states["report"], _reports(dot)) == ("skipped", 0)


@pytest.mark.parametrize("entry", ["x", None, {}, {"unique_id": ""}])
def test_results_with_an_entry_that_cannot_be_read_fail_the_report(
    sandbox: Any, run_dag: Any, shop: Any, entry: Any
) -> None:
    dot = sandbox()
    results = {**json.loads((shop.target_path / "run_results.json").read_text()), "results": [entry]}
    run = run_dag(_dag(shop, "success", target_path=None, run_results=results, manifest=shop.target_path))
    assert (run.states["report"], _reports(dot)) == ("failed", 0)


def test_results_that_say_two_things_of_a_node_fail_the_report(sandbox: Any, run_dag: Any, shop_copy: Any) -> None:
    dot = sandbox()
    path = shop_copy.target_path / "run_results.json"
    path.write_text(path.read_text().replace('"status": "success"', '"status": "error", "status": "success"', 1))
    run = run_dag(_dag(shop_copy, "success", since=None))
    assert (run.states["report"], _reports(dot)) == ("failed", 0)


def test_results_come_from_one_place(shop: Any) -> None:
    with pytest.raises(DotUsageError, match="give one of artifacts_folder, dbt_cloud_run_id"):
        DotReportDbtRunOperator(task_id="t", target_path="/t", artifacts_folder="/a")


@pytest.mark.parametrize("which", ["generate", "compile", "show", None])
def test_results_of_a_command_that_runs_no_tests_are_refused(sandbox: Any, shop: Any, which: str | None) -> None:
    """dbt calls tests that it only compiled a success; one that ran it calls pass."""
    dot = sandbox()
    results = json.loads((shop.target_path / "run_results.json").read_text())
    results["args"] = {"which": which} if which else {}
    for one in results["results"]:
        one["status"] = "success"
    report = DotReportDbtRunOperator(task_id="t", run_results=results, manifest=shop.target_path)
    with pytest.raises(AirflowFailException, match="which runs no tests and calls them successful all the same"):
        report.execute({})
    assert _reports(dot) == 0


RUN = {"run_after": datetime(2026, 1, 2, tzinfo=timezone.utc), "start_date": datetime(2026, 1, 9, tzinfo=timezone.utc)}


@pytest.mark.parametrize(
    ("written", "clear_number", "since", "is_sent"),
    [
        ("2026-01-08T23:59:00Z", 0, "run", False),
        ("2026-01-09T00:00:01.123456789Z", 0, "run", True),
        ("2026-01-08T23:59:59.5Z", 0, "run", False),
        ("2026-01-08T23:59:00Z", 1, "run", True),  # clearing the report moves the start of the DAG run
        ("2026-01-01T23:59:00Z", 1, "run", False),
        ("2020-01-01T00:00:00Z", 0, None, True),
        ("2020-01-01T00:00:00Z", 0, "2020-01-01T00:00:00+01:00", True),
        ("2020-01-01T00:00:00Z", 0, "2020-01-01T00:00:00-01:00", False),
    ],
)
def test_results_from_before_the_run_are_refused_by_name(
    sandbox: Any, shop: Any, tmp_path: Any, written: str, clear_number: int, since: Any, is_sent: bool
) -> None:
    dot = sandbox()
    results = json.loads((shop.target_path / "run_results.json").read_text())
    results["metadata"]["generated_at"] = written
    (tmp_path / "run_results.json").write_text(json.dumps(results))
    report = DotReportDbtRunOperator(
        task_id="t", run_results=tmp_path / "run_results.json", manifest=shop.target_path, since=since
    )
    context: Any = {"dag_run": SimpleNamespace(**RUN, clear_number=clear_number)}
    if is_sent:
        assert report.execute(context)["invocation_id"]
    else:
        with pytest.raises(AirflowFailException, match=f"dbt wrote these run results at {written}, before"):
            report.execute(context)
    assert _reports(dot) == is_sent


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
