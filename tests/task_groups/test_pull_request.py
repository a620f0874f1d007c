"""A pull request of the shop, tried in an environment: built by dbt, graded against its own numbers, cleaned up."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task

from dot_provider.api import DotClient
from dot_provider.api.errors import DotUsageError
from dot_provider.task_groups import dot_pull_request
from tests.example_dags.test_airflow_pages import ANSWERS, inbox, surroundings  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("quick_clock")


def _names(dot: Any) -> list[str]:
    return [environment.name for environment in dot.workspace.environments.values()]


@pytest.fixture
def shop_dag(surroundings: Path) -> Any:  # noqa: F811
    return importlib.reload(importlib.import_module("example_dags.airflow_pull_request")).dag


def test_a_pull_request_that_breaks_a_number_fails_and_leaves_nothing(
    shop_dag: Any, sandbox: Any, run_dag: Any, shop_copy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dot = sandbox(answers=ANSWERS, duckdb=shop_copy.duckdb_path)
    monkeypatch.setenv("SHOP_BREAK", "1")
    run = run_dag(shop_dag)
    states = {name.removeprefix("dot_pull_request."): state for name, state in run.states.items()}
    assert (run.state, states["dbt_build"], states["evaluate"]) == ("failed", "success", "failed")
    assert (states["diff"], states["delete"]) == ("upstream_failed", "success")
    assert _names(dot) == []
    evaluation = run.xcom("dot_pull_request.evaluate", "evaluation_run")
    assert "orders.count" in [one["id"] for one in evaluation["questions"] if one["verdict"] == "fail"]
    starts = [request for request in dot.requests if request.path == "/api/evaluations/shop-basics/runs"]
    environment = run.xcom("dot_pull_request.create")["id"]
    assert [request.json["target"] for request in starts] == [{"kind": "environment", "environment_id": environment}]
    assert starts[0].headers["x-dot-environment"] == environment


def _dag(**arguments: Any) -> DAG:
    with DAG("pr", schedule=None) as dag:

        @task(task_id="dbt_build")
        def build(fails: bool = False) -> None:
            assert not fails

        fails = arguments.pop("fails", False)
        dot_pull_request(name="pr-1", dbt_build=lambda: build(fails), retries=0, **arguments)
    return dag


@pytest.mark.parametrize(
    ("merge", "status", "outcome", "left"),
    [(True, None, "merged", []), (True, 403, "proposed", ["pr-1"]), ("propose", None, "proposed", ["pr-1"])],
)
def test_it_is_merged_or_proposed_for_a_review(
    sandbox: Any, run_dag: Any, merge: Any, status: int | None, outcome: str, left: list[str]
) -> None:
    """What was proposed must live until somebody has looked at it."""
    dot = sandbox()
    if status:
        dot.fail_next("/environments/env_1/merge", status=status)
    run = run_dag(_dag(merge=merge, targets={"shop": {"schema": "pr_1"}}, ask={"question": "How many orders?"}))
    assert run.state == "success", run.states
    assert run.xcom("dot_pull_request.merge") == {"outcome": outcome}
    assert _names(dot) == left
    again = run_dag(_dag(merge=merge, targets={"shop": {"schema": "pr_1"}}, evaluate={"evaluation_id": "e-fail"}))
    assert again.state == "failed"
    assert _names(dot) == left  # it is still under review


@pytest.mark.parametrize(
    ("evaluate", "refused", "state", "states", "left"),
    [
        ({"evaluation_id": "e"}, None, "success", {"merge": "success", "delete": "success"}, []),
        ({"evaluation_id": "e-fail"}, None, "failed", {"merge": "upstream_failed", "delete": "success"}, []),
        ({"evaluation_id": "e-error"}, None, "failed", {"merge": "upstream_failed", "delete": "success"}, []),
        (
            {"evaluation_id": "e-fail", "on_fail": "skip"},
            None,
            "success",
            {"evaluate": "skipped", "merge": "skipped", "delete": "success"},
            [],
        ),
        ({"evaluation_id": "e"}, "DELETE", "success", {"merge": "success", "delete": "failed"}, ["pr-1"]),
        ({"evaluation_id": "e"}, "POST", "failed", {"dbt_build": "upstream_failed", "merge": "upstream_failed"}, []),
    ],
    ids=["passes", "answers wrong", "breaks down", "skips", "is not deleted", "is not made"],
)
def test_a_gate_decides_on_the_merge_and_never_on_the_clean_up(
    sandbox: Any, run_dag: Any, evaluate: Any, refused: str | None, state: str, states: Any, left: list[str]
) -> None:
    """As Airflow has it: a teardown that fails fails no run, and one whose setup failed does not run."""
    dot = sandbox(evaluation_polls=0)
    if refused:
        dot.fail_next("/environments", method=refused, status=403)
    run = run_dag(_dag(merge=True, evaluate=evaluate))
    found = {name.removeprefix("dot_pull_request."): became for name, became in run.states.items()}
    assert run.state == state, found
    assert found.items() >= states.items()
    assert _names(dot) == left


def test_what_was_changed_after_it_was_evaluated_is_not_merged(
    sandbox: Any, run_dag: Any, run_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dot_provider.operators import DotDiffEnvironmentOperator, DotMergeEnvironmentOperator

    dot = sandbox(evaluation_polls=0)
    compare = DotDiffEnvironmentOperator.execute

    def changed(self: Any, context: Any) -> Any:
        with DotClient(token=dot.token, base_url=dot.base_url) as client:
            client.in_environment(self.environment_id).create_note("Revenue", "gross")
        return compare(self, context)

    monkeypatch.setattr(DotDiffEnvironmentOperator, "execute", changed)
    run = run_dag(_dag(merge=True, evaluate={"evaluation_id": "e"}))
    assert (run.state, run.states["dot_pull_request.merge"]) == ("failed", "failed")
    assert not any(request.path.endswith("/merge") for request in dot.requests)
    assert _names(dot) == []
    with DotClient(token=dot.token, base_url=dot.base_url) as client:
        environment = client.create_environment("pr-2").id
        commit = client.evaluation_target(environment).commit
    merged = run_task(DotMergeEnvironmentOperator, environment_id=environment, expected_target_commit=commit)
    assert merged.xcom("task") == {"outcome": "merged"}


def test_a_build_that_fails_leaves_nothing_and_a_run_that_was_killed_is_taken_up(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    with DotClient(token=dot.token, base_url=dot.base_url) as client:
        left = client.create_environment("pr-1").id
    run = run_dag(_dag(fails=True))
    assert (run.state, run.states["dot_pull_request.sync"]) == ("failed", "upstream_failed")
    assert run.xcom("dot_pull_request.create")["id"] == left
    assert _names(dot) == []


@pytest.mark.parametrize(("on_conflict", "state"), [("fail", "failed"), ("skip", "skipped"), ("warn", "success")])
def test_conflicts_keep_it_from_production(sandbox: Any, run_task: Any, on_conflict: Any, state: str) -> None:
    from dot_provider.operators import DotDiffEnvironmentOperator

    dot = sandbox()
    with DotClient(token=dot.token, base_url=dot.base_url) as client:
        environment = client.create_environment("pr-1").id
        client.in_environment(environment).create_note("Revenue", "gross")
        client.create_note("Revenue", "net")
        assert len(client.compare_environment(environment).changes) == 1
        asset = {"id": "a", "subtype": "app"}
        client.in_environment(environment).import_external_asset({**asset, "name": "one"})
        client.import_external_asset({**asset, "name": "two"})
    run = run_task(DotDiffEnvironmentOperator, environment_id=environment, on_conflict=on_conflict)
    assert run.states == {"task": state}
    if state == "success":
        assert len(run.xcom("task")["conflicts"]) >= 1


def test_what_cannot_be_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(DotUsageError, match="merge must be"):
        _dag(merge="yes")
