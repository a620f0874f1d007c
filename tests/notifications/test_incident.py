"""Incidents for as long as a task fails."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task

from dot_provider.api.errors import DotUsageError
from dot_provider.notifications import DotIncidentNotifier


def _load(run_dag: Any, fails: bool, **arguments: Any) -> Any:
    notifier = DotIncidentNotifier(table="analytics.orders", **arguments)
    callbacks = {"on_failure_callback": notifier, "on_success_callback": notifier}
    with DAG("orders", schedule=None, default_args={**callbacks, "retry_delay": timedelta(0)}) as dag:

        @task
        def load() -> None:
            if fails:
                raise RuntimeError("password=hunter2")

        load()
    return run_dag(dag)


def test_a_failure_opens_an_incident_and_a_success_resolves_it(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    assert _load(run_dag, fails=True).state == "failed"
    (incident,) = dot.workspace.incidents.open
    assert (incident.source, incident.table, incident.check) == ("airflow", "analytics.orders", "orders.load")
    assert incident.message.startswith("orders.load failed in run manual__")
    assert "hunter2" not in incident.message
    assert incident.url.startswith("http")
    assert _load(run_dag, fails=False).state == "success"
    assert dot.workspace.incidents.open == []


def test_its_words_are_templates(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    _load(run_dag, fails=True, check="freshness", message="{{ ti.task_id }} of {{ dag.dag_id }}")
    assert [(i.check, i.message) for i in dot.workspace.incidents.open] == [("freshness", "load of orders")]


def test_a_dot_that_is_down_does_not_change_the_tasks_state(sandbox: Any, run_dag: Any, dot_connection: Any) -> None:
    sandbox()
    dot_connection(host="http://127.0.0.1:1", password="token")
    assert _load(run_dag, fails=False).state == "success"


async def test_works_on_the_triggerers_event_loop(sandbox: Any) -> None:
    dot = sandbox()
    await DotIncidentNotifier(table="orders", check="deadline").async_notify({})
    assert [(i.check, i.message) for i in dot.workspace.incidents.open] == [("deadline", "deadline failed")]


@pytest.mark.parametrize(
    ("context", "status"),
    [
        ({"ti": SimpleNamespace(dag_id="d", task_id="t", state="success")}, "resolved"),
        ({"ti": SimpleNamespace(dag_id="d", task_id="t", state="up_for_retry")}, "open"),
        ({"ti": SimpleNamespace(dag_id="d", task_id="t", state="running"), "exception": ValueError()}, "open"),
        ({"dag_run": SimpleNamespace(dag_id="d", run_id="r", state="failed")}, "open"),
        ({"dag_run": SimpleNamespace(dag_id="d", run_id="r", state="success")}, "resolved"),
    ],
)
def test_the_state_decides_what_is_reported(context: Any, status: str) -> None:
    assert DotIncidentNotifier(table="orders")._item(context)["status"] == status


def test_without_a_task_the_check_must_be_named() -> None:
    with pytest.raises(DotUsageError, match="check is needed"):
        DotIncidentNotifier(table="orders")._item({})
