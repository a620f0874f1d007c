"""A gate: the changed models go live only where Dot still answers the known questions right."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag

from dot_provider.operators import DotRunEvaluationOperator


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), tags=["dot"])
def airflow_evaluation() -> None:
    """Evaluate, then publish."""
    gate = DotRunEvaluationOperator(task_id="gate", evaluation_id="finance-basics", deferrable=True, on_fail="fail")
    gate >> EmptyOperator(task_id="publish")


dag = airflow_evaluation()
