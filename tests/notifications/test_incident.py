"""Incidents for as long as a task fails."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.common.sql.operators.sql import SQLColumnCheckOperator
from airflow.sdk import DAG, Asset, task

from dot_provider.api.errors import DotUsageError
from dot_provider.dbt import items_from_sql_checks
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


def _item(context: Any) -> Any:
    (item,) = DotIncidentNotifier(table="orders")._items(context) or [None]
    return item


async def test_a_deadline_alert_renders_templates_from_what_airflow_gives_it(sandbox: Any) -> None:
    dot = sandbox()
    context: Any = {"dag_run": {"dag_id": "shop", "dag_run_id": "r1", "state": "running"}, "deadline": {"id": "x"}}
    await DotIncidentNotifier(table="orders", context=context)
    await DotIncidentNotifier(table="orders", check="late", message="{{ dag_run.dag_id }} is late", context=context)
    assert [(i.check, i.message) for i in dot.workspace.incidents.open] == [
        ("shop.deadline", "shop missed its deadline in run r1"),
        ("late", "shop is late"),
    ]


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
        ({"ti": SimpleNamespace(dag_id="d", task_id="t", state=None)}, "open"),  # lost, says the DAG processor
        ({"dag_run": SimpleNamespace(dag_id="d", run_id="r", state="failed")}, "open"),
        ({"dag_run": SimpleNamespace(dag_id="d", run_id="r", state="success")}, "resolved"),
        ({"dag": SimpleNamespace(dag_id="d"), "run_id": "r", "reason": "success"}, "resolved"),
        ({"dag": SimpleNamespace(dag_id="d"), "run_id": "r", "reason": "task_failure"}, "open"),
        ({"dag": SimpleNamespace(dag_id="d"), "run_id": "r", "reason": "timed_out"}, "open"),
    ],
)
def test_the_state_decides_what_is_reported(context: Any, status: str) -> None:
    assert _item(context)["status"] == status


def test_nothing_is_reported_of_a_task_that_starts() -> None:
    assert _item({"ti": SimpleNamespace(dag_id="d", task_id="t", state="running")}) is None


TASK = SimpleNamespace(
    dag_id="d", task_id="last", map_index=-1, state=None, log_url="http://a/dags/d/runs/r/tasks/last"
)


def test_a_dags_callback_names_no_task() -> None:
    item = _item({"ti": TASK, "dag_run": SimpleNamespace(dag_id="d", run_id="r", state="failed"), "reason": "x"})
    assert (item["check"], item["message"], item["url"]) == ("d", "d failed in run r", "http://a/dags/d/runs/r")


def _check(dag_id: str, task_id: str | None = None, map_index: int = -1, **context: Any) -> str:
    ti = task_id and SimpleNamespace(dag_id=dag_id, task_id=task_id, map_index=map_index, state="failed")
    return str(_item({"ti": ti, "dag_run": {"dag_id": dag_id}, **context})["check"])


def test_no_two_subjects_share_a_check() -> None:
    checks = [
        *(_check("a"), _check("a.b"), _check("a.b.c"), _check("a.deadline")),
        *(_check("a", "b"), _check("a", "b", 0), _check("a", "b", 1), _check("a", "b.c"), _check("a.b", "c")),
        *(_check("a", "deadline"), _check("a.b", "deadline"), _check("a", deadline={}), _check("a.b", deadline={})),
    ]
    assert len(set(checks)) == len(checks), checks
    assert {"a", "a.b", "a.b[0]", "a.b.c", "a.deadline"} <= set(checks)


def test_mapped_tasks_have_an_incident_each(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    notifier = DotIncidentNotifier(table="orders")
    with DAG(
        "orders", schedule=None, default_args={"on_failure_callback": notifier, "on_success_callback": notifier}
    ) as dag:

        @task
        def load(region: int) -> None:
            if region < 2:
                raise RuntimeError

        load.expand(region=[0, 1, 2])
    run_dag(dag)
    assert {incident.check for incident in dot.workspace.incidents.open} == {"orders.load[0]", "orders.load[1]"}


def test_one_notifier_renders_its_templates_anew_for_each_task() -> None:
    told = list[str]()

    class Told(DotIncidentNotifier):
        def notify(self, context: Any) -> None:
            told.append(str(self.message))

    notifier = Told(table="orders", message="{{ word }}")
    for word in ("one", "two"):
        notifier({"word": word})
    assert told == ["one", "two"]


def test_without_a_task_the_check_must_be_named() -> None:
    with pytest.raises(DotUsageError, match="check is needed"):
        _item({})


def test_each_check_of_an_operator_has_an_incident(sandbox: Any, run_dag: Any, tmp_path: Path) -> None:
    """A check that fails and passes by turns is one incident; so is a task that fails before it checks anything."""
    dot = sandbox()
    notifier = DotIncidentNotifier(items=items_from_sql_checks)

    class Rows(DbApiHook):
        conn_name_attr = "rows"

        def get_conn(self) -> Any:
            return sqlite3.connect(tmp_path / "rows.db")

    class Check(SQLColumnCheckOperator):
        def get_db_hook(self) -> Any:
            return Rows()

    def check(rows: str) -> dict[str, str]:
        with closing(sqlite3.connect(tmp_path / "rows.db")) as database:
            database.executescript(f"drop table if exists orders; {rows}")
        with DAG("orders", schedule=None) as dag:
            Check(
                task_id="check",
                table="orders",
                column_mapping={"amount": {"min": {"geq_to": 0}, "null_check": {"equal_to": 0}}},
                outlets=[Asset("analytics.orders")],
                on_failure_callback=notifier,
                on_success_callback=notifier,
            )
        run_dag(dag)
        return {f"{i.table} {i.check}": i.status for i in dot.workspace.incidents.all}

    rows = "create table orders (amount); insert into orders values ({})"
    own, found = "analytics.orders orders.check", "orders orders.check: amount.min"
    assert check("select 1") == {own: "open"}
    for _ in range(2):
        sent = len(dot.requests)
        assert check(rows.format(-1))[found] == "open"
        assert set(check(rows.format(1)).values()) == {"resolved"}
        assert len(dot.requests) - sent == 2
    assert set(check("select 1")) == {own, found}


def test_a_table_that_nothing_names_is_refused() -> None:
    with pytest.raises(DotUsageError, match="table is needed"):
        DotIncidentNotifier()._items({"ti": TASK})
