"""After the loads, Dot looks at its connections again."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import dag

from dot_provider.operators import DotSyncConnectionOperator


@dag(schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_sync() -> None:
    """First the warehouse, then the dbt projects on top of it."""
    warehouse = DotSyncConnectionOperator(
        task_id="sync_warehouse", connection_type="snowflake", connection_id="warehouse"
    )
    projects = DotSyncConnectionOperator.partial(task_id="sync_dbt", connection_type="dbt").expand(
        connection_id=["shop", "finance"]
    )
    warehouse >> projects


dag = airflow_sync()
