"""The DAGs that the system tests run; the run's conf says which connection to use and what to ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from dot_provider.operators import DotAskOperator

CONNECTION = "{{ dag_run.conf['connection'] }}"
QUESTION = "{{ dag_run.conf['question'] }}"
QUICK: dict[str, Any] = {"poll_interval": 0.5, "submit_timeout": 5, "retry_delay": timedelta(0)}

with DAG("asks", schedule=None):
    DotAskOperator(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, deferrable=True, retries=3, **QUICK)

with DAG("holds_its_worker", schedule=None):
    DotAskOperator(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, deferrable=False, retries=3, **QUICK)

with DAG("asks_about_five_regions", schedule=None):
    DotAskOperator.partial(task_id="ask", dot_conn_id=CONNECTION, deferrable=True, **QUICK).expand(
        question=[f"How many orders in region {number}?" for number in range(5)]
    )

with DAG("gives_up", schedule=None):
    DotAskOperator(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, deferrable=True, timeout=3, **QUICK)
