"""dbt tests for the AI analyst: after the build, Dot must answer right what the pipeline knows."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Asset, dag

from dot_provider.operators import DotRunEvaluationOperator

PROJECT = Path(os.environ.get("DBT_PROJECT", "/opt/dbt/shop"))


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), tags=["dot"])
def airflow_evaluation_suite() -> None:
    """Evaluate, then publish."""
    gate = DotRunEvaluationOperator(
        task_id="gate",
        suite_file=PROJECT / "evaluations" / "shop.yaml",
        dbt_manifest=os.environ.get("DBT_TARGET_PATH", PROJECT / "target"),  # for ref() and source()
        sql_conn_id="warehouse",  # any connection with a hook of the common SQL provider, or of type duckdb
        baseline_asset=Asset("dot://app.getdot.ai/evaluation/shop-basics"),  # what passed last time must pass now
        confirm_failures=1,
        save_to=os.environ.get("DOT_REPORTS", "/tmp/dot") + "/{{ run_id }}",  # noqa: S108
        deferrable=True,
        retries=2,
        retry_delay=timedelta(minutes=1),
    )
    gate >> EmptyOperator(task_id="publish")


dag = airflow_evaluation_suite()
