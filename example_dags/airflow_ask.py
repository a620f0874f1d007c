"""A question every morning: the answer goes to whoever needs it, and its files into a folder."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from airflow.sdk import dag, task

from dot_provider.operators import DotAskOperator

REPORTS = os.environ.get("DOT_REPORTS", "dot-reports")  # or s3://bucket/dot, gs://bucket/dot, ...


@dag(schedule="0 7 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_ask() -> None:
    """Ask in the triggerer, without a worker slot; retries attach to the same question."""
    ask = DotAskOperator(
        task_id="ask",
        question="What was the revenue on the day before {{ dag_run.run_after | ds }}, and what drove it?",
        follow_ups=["Which products fell behind the week before?"],
        labels=["daily-revenue"],
        save_to=REPORTS + "/{{ dag_run.run_after | ds }}",
        deferrable=True,
        timeout=3600,
        retries=3,
        retry_delay=timedelta(minutes=2),
    )

    @task
    def publish(text: str, url: str) -> str:
        return f"{text}\n\n{url}"

    publish(ask.output["text"], ask.output["url"])


dag = airflow_ask()
