"""Around dbt: Dot's apps become exposures before the run, and the run is reported, synced and pushed after it."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag

from dot_provider.operators import DotFetchDbtExposuresOperator
from dot_provider.task_groups import dot_after_dbt

PROJECT = Path(os.environ.get("DBT_PROJECT", "/opt/dbt/shop"))
TARGET = os.environ.get("DBT_TARGET_PATH", str(PROJECT / "target"))
DBT = os.environ.get("DBT", "dbt")


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_dbt() -> None:
    """The group reports a failed run, too; it syncs and pushes only after a successful one."""
    exposures = DotFetchDbtExposuresOperator(
        task_id="exposures", path=PROJECT / "models" / "dot_exposures.yml", parse_command=[DBT, "parse"]
    )
    build = BashOperator(task_id="dbt_build", bash_command=f"{DBT} build", cwd=str(PROJECT), append_env=True)
    exposures >> build >> dot_after_dbt(target_path=TARGET, connection_id="shop")


dag = airflow_dbt()
