"""Dot recommends the company's dashboards: pushed from a file that people edit, and from a tool's API."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

from dot_provider.operators import DotPushExternalAssetsOperator

DASHBOARDS = os.environ.get("DOT_DASHBOARDS", str(Path(__file__).parent / "dashboards.csv"))  # or a URL: s3://...


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_external_assets() -> None:
    """What has not changed since the last run is not sent again."""
    DotPushExternalAssetsOperator(task_id="push_file", assets_file=DASHBOARDS)

    @task
    def read_tableau() -> list[dict[str, Any]]:
        return [
            {"id": "tableau/7", "subtype": "tableau_workbook", "name": "Stock", "url": "https://tableau.example/7"},
            {"id": "tableau/8", "subtype": "tableau_workbook", "name": "Returns", "view_count": 120},
        ]

    # Workbooks that Tableau no longer lists disappear from Dot's answers, too.
    DotPushExternalAssetsOperator(task_id="push_tableau", assets=read_tableau(), prune="deactivate")


dag = airflow_external_assets()
