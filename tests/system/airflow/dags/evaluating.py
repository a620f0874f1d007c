"""Gates that wait for a long evaluation, for tests that end them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from dot_provider.operators import DotRunEvaluationOperator

GATE: dict[str, Any] = {
    "task_id": "gate",
    "dot_conn_id": "{{ dag_run.conf['connection'] }}",
    "evaluation_id": "finance",
    "poll_interval": 0.5,
}

with DAG("evaluates", schedule=None):
    DotRunEvaluationOperator(**GATE, retries=1, retry_delay=timedelta(0))

with DAG("evaluates_for_three_seconds", schedule=None):
    DotRunEvaluationOperator(**GATE, execution_timeout=timedelta(seconds=3), retries=1, retry_delay=timedelta(0))

with DAG("evaluates_in_the_triggerer", schedule=None):
    DotRunEvaluationOperator(**GATE, deferrable=True)
