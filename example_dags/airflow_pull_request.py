"""A pull request of the dbt project, tried in an environment of Dot before it is merged."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag

from dot_provider.task_groups import dot_pull_request

PROJECT = Path(os.environ.get("DBT_PROJECT", "/opt/dbt/shop"))
TARGET = os.environ.get("DBT_TARGET_PATH", str(PROJECT / "target"))
DBT = os.environ.get("DBT", "dbt")


def build() -> Any:
    """Build the marts of the pull request into a schema of its own; everything else is production's."""
    return BashOperator(
        task_id="dbt_build",
        bash_command=f"{DBT} build",
        cwd=str(PROJECT),
        env={"SHOP_SCHEMA": "pr_{{ params.pull_request }}"},
        append_env=True,
    )


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    max_active_runs=1,
    params={"pull_request": "17"},
    tags=["dot"],
)
def airflow_pull_request() -> None:
    """The evaluation compares Dot's answers with the pull request's own numbers."""
    dot_pull_request(
        name="pr-{{ params.pull_request }}",
        targets={"shop": {"schema": "pr_{{ params.pull_request }}"}},
        dbt_build=build,
        evaluate={
            "suite_file": PROJECT / "evaluations" / "shop.yaml",
            "sql_conn_id": "warehouse",
            "dbt_manifest": TARGET,
        },
    )


dag = airflow_pull_request()
