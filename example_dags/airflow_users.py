"""Dot's users as the staff list says. A dry run, until the parameter says otherwise."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import Any

from airflow.sdk import dag, task

from dot_provider.operators import DotManageUsersOperator

DRY_RUN = os.environ.get("DOT_MANAGE_USERS", "") != "apply"


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_users() -> None:
    """Nobody is removed: that takes remove_users=True or remove_from_groups=True."""

    @task
    def read_staff() -> list[dict[str, Any]]:
        return [
            {"email": "ada@shop.example", "role": "modeler", "groups": ["finance"]},
            {"email": "user@sandbox.example", "groups": ["everyone", "finance"]},
        ]

    DotManageUsersOperator(task_id="users", users=read_staff(), dry_run=DRY_RUN)


dag = airflow_users()
