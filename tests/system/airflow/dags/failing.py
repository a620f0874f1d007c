"""DAGs that fail or are late, and tell Dot so: in callbacks of the DAG, of its tasks, and of a missed deadline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, task
from airflow.sdk.definitions.deadline import AsyncCallback, DeadlineAlert, DeadlineReference

from dot_provider.notifications import DotIncidentNotifier
from dot_provider.operators import DotAskOperator

incident = DotIncidentNotifier(table="analytics.orders", dot_conn_id="{{ dag_run.conf['connection'] }}")
CALLBACKS: dict[str, Any] = {"on_failure_callback": incident, "on_success_callback": incident}

with DAG("fills_orders", schedule=None, default_args={**CALLBACKS, "retries": 0}, **CALLBACKS):

    @task
    def fill(step: str, dag_run: Any = None) -> None:
        if dag_run.conf["fails"] == step:
            raise RuntimeError(f"{step} failed")

    fill.override(task_id="load")("load") >> fill.override(task_id="transform")("transform")

late = AsyncCallback(
    DotIncidentNotifier, kwargs={"table": "analytics.orders", "dot_conn_id": "dot_late", "severity": "warn"}
)
with DAG(
    "is_late",
    schedule=None,
    deadline=DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, interval=timedelta(seconds=1), callback=late),
):
    DotAskOperator(task_id="ask", dot_conn_id="dot_late", question="How many?", deferrable=True, poll_interval=0.5)
