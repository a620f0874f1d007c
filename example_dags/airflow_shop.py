"""The coffee shop's day: dbt builds the warehouse, and Dot learns what changed, answers and hands over its history.

Reads the connections ``dot_default`` and ``warehouse`` (of type ``duckdb``, its host is the file) and the environment
variables ``SHOP_DUCKDB`` (the DuckDB file to build, by default ``shop.duckdb`` in the working directory) and ``DBT``
(the dbt executable). DuckDB lets one process write at a time, so the tasks that touch the file, and the runs, go one
after another.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag

from dot_provider.operators import (
    DotAskOperator,
    DotExportHistoryOperator,
    DotPushExternalAssetsOperator,
    DotReportDbtRunOperator,
    DotRunEvaluationOperator,
    DotSyncConnectionOperator,
)

PROJECT = Path(__file__).resolve().parent / "shop"
DUCKDB = Path(os.environ.get("SHOP_DUCKDB", "shop.duckdb")).resolve()
TARGET = DUCKDB.with_name("shop_target")
DBT = os.environ.get("DBT") or str(Path(sys.executable).with_name("dbt"))


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    tags=["dot", "example"],
    params={"question": "How many orders are there?", "dbt_arguments": ""},
)
def shop() -> None:
    """Build, report, sync, evaluate, push, ask, export."""
    build = BashOperator(
        task_id="dbt_build",
        bash_command='"$DBT" build {{ params.dbt_arguments }}',
        cwd=str(PROJECT),
        env={
            "DBT": DBT,
            "SHOP_DUCKDB": str(DUCKDB),
            "DBT_TARGET_PATH": str(TARGET),
            "DBT_LOG_PATH": str(TARGET / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
        append_env=True,
    )
    # Also when a test fails: then Dot shows the incident beside the numbers it concerns.
    report = DotReportDbtRunOperator(task_id="report_dbt_run", target_path=TARGET)

    sync = DotSyncConnectionOperator(task_id="sync", connection_type="dbt", connection_id="shop")
    # The expected answers come from the staging layer: what dbt's tests do not find in the marts closes the gate.
    evaluate = DotRunEvaluationOperator(
        task_id="evaluate",
        suite_file=PROJECT / "evaluations" / "shop.yaml",
        dbt_manifest=TARGET,
        save_to=TARGET / "evaluation",
        deferrable=True,
    )
    push = DotPushExternalAssetsOperator(task_id="push_dashboards", dbt_manifest=TARGET)
    ask = DotAskOperator(
        task_id="ask",
        question="{{ params.question }}",
        labels=["airflow", "shop"],
        deferrable=True,
    )
    export = DotExportHistoryOperator(
        task_id="export_history",
        destination="duckdb",
        database=str(DUCKDB),
        dataset="dot_airflow",
        lookback_days=30,
    )

    build >> report
    build >> sync >> evaluate >> push >> ask >> export


dag = shop()

if __name__ == "__main__":
    dag.test()
