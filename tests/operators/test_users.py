"""Managing users from a DAG."""

from __future__ import annotations

from typing import Any

from airflow.exceptions import AirflowFailException

from dot_provider.operators import DotManageUsersOperator

USERS = [{"email": "new@shop.example", "role": "modeler", "groups": ["finance"]}]


def test_only_reports_unless_told(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    run = run_task(DotManageUsersOperator, users=USERS)
    assert run.xcom("task") == {"invite": 1, "set role": 1, "add to group": 1}
    assert {item["outcome"] for item in run.xcom("task", "report")} == {"planned"}
    assert {request.method for request in dot.requests} == {"GET"}


def test_makes_the_changes_when_told(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    assert run_task(DotManageUsersOperator, users=USERS, dry_run=False).state == "success"
    account = dot.workspace.accounts.by_email["new@shop.example"]
    assert (account.role, account.groups) == ("modeler", ["finance"])


def test_a_failed_change_fails_the_task_and_is_in_the_report(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    dot.fail_next("/change_user_role", status=422, detail="not yet")
    run = run_task(DotManageUsersOperator, users=USERS, dry_run=False)
    assert isinstance(run.error("task"), AirflowFailException)
    assert [item["outcome"] for item in run.xcom("task", "report")] == ["done", "failed", "done"]
