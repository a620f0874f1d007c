"""What people asked Dot, in the warehouse: two tables that every run brings up to date."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import Asset, dag

from dot_provider.operators import DotExportHistoryOperator

CONVERSATIONS = Asset("dot://app.getdot.ai/history")


@dag(schedule="0 3 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_history() -> None:
    """DAGs that are scheduled on the asset see in its event how many rows came."""
    DotExportHistoryOperator(
        task_id="export",
        warehouse_conn_id="warehouse_default",  # of type postgres, snowflake, google_cloud_platform, duckdb, ...
        dataset="dot",
        lookback_days=3,
        outlets=[CONVERSATIONS],
    )


dag = airflow_history()
