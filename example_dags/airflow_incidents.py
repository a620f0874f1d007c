"""Dot warns whoever asks about a table that is not in order: what a check found, and a load that failed."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import dag, task

from dot_provider.notifications import DotIncidentNotifier
from dot_provider.operators import DotReportIncidentsOperator

LOAD = DotIncidentNotifier(table="analytics.orders")


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_incidents() -> None:
    """The same notifier opens the incident and resolves it."""

    @task(on_failure_callback=LOAD, on_success_callback=LOAD)
    def load() -> None: ...

    @task
    def check() -> list[dict[str, str]]:
        rows = 0
        return [
            {
                "table": "analytics.refunds",
                "check": "row count",
                "status": "resolved" if rows else "open",
                "severity": "error",
                "message": f"{rows} rows today",
            }
        ]

    load() >> DotReportIncidentsOperator(task_id="report", source="airflow-checks", items=check())


dag = airflow_incidents()
