"""dbt as tasks of Cosmos: each keeps what dbt wrote, and the group behind them reports it as one run."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import dag
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig

from dot_provider.task_groups import dot_after_dbt

PROJECT = Path(os.environ.get("DBT_PROJECT", "/opt/dbt/shop"))
ARTIFACTS = os.environ.get("DBT_ARTIFACTS", "/opt/dbt/artifacts")  # or s3://bucket/dbt


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_cosmos() -> None:
    """Tests of several models run once, when all of them are there."""
    shop = DbtTaskGroup(
        group_id="shop",
        project_config=ProjectConfig(PROJECT),
        profile_config=ProfileConfig("shop", "local", profiles_yml_filepath=PROJECT / "profiles.yml"),
        execution_config=ExecutionConfig(dbt_executable_path=os.environ.get("DBT", "dbt")),
        render_config=RenderConfig(should_detach_multiple_parents_tests=True),
        operator_args={
            "callback": "dot_provider.cosmos.keep_dbt_artifacts",
            "callback_args": {"folder": ARTIFACTS},
        },
    )
    shop >> dot_after_dbt(artifacts_folder=ARTIFACTS, connection_id="shop")


dag = airflow_cosmos()
