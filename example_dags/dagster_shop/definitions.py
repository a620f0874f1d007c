"""dbt builds the shop, Dot hears how it went, and everything of Dot's follows, where Dot still answers right.

    dbt models ──▶ dot/dbt/shop (sync) ──▶ dot/external_assets ──▶ dot/orders_per_month ──▶ dot_dagster/conversations
                                                                                       └──▶ dot_dagster/messages

Environment variables: DOT_API_TOKEN, DOT_BASE_URL or DOT_API_BASE_URL (a self-hosted Dot or the sandbox; Dot's US
region without them), DOT_ENV (id of a Dot environment; production without it),
SHOP_DUCKDB (the DuckDB file that dbt builds and the history is loaded into) and DBT (the dbt executable). With the
sandbox::

    dot-sandbox --port 8800 &
    cd example_dags/dagster_shop
    DOT_API_TOKEN=dot-sandbox-token DOT_BASE_URL=http://127.0.0.1:8800 SHOP_DUCKDB=$PWD/shop.duckdb dg dev
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from dagster_dot import (
    DotResource,
    after_upstream_updates,
    build_dot_evaluation_checks,
    build_dot_external_assets_asset,
    build_dot_history_assets,
    build_dot_question_asset,
    build_dot_sync_asset,
    report_dbt_run,
)

PROJECT = DbtProject(Path(__file__).parents[1] / "shop", target_path=Path("target", "dagster"))
# The dbt beside this Python, so that the environment need not be activated.
DBT = DbtCliResource(
    project_dir=PROJECT, dbt_executable=os.environ.get("DBT") or str(Path(sys.executable).with_name("dbt"))
)
if os.environ.get("DAGSTER_IS_DEV_CLI") or not PROJECT.manifest_path.exists():
    DBT.cli(["parse", "--quiet"], target_path=PROJECT.target_path).wait()

WAREHOUSE = dg.EnvVar("SHOP_DUCKDB")
BASE_URL = os.environ.get("DOT_BASE_URL") or os.environ.get("DOT_API_BASE_URL")
ENVIRONMENT = os.environ.get("DOT_ENV") or None
FIRST_DAY = (datetime.now(timezone.utc) - timedelta(days=30)).strftime("%Y-%m-%d")


def read_warehouse() -> duckdb.DuckDBPyConnection:
    """Open the warehouse for the SQL of expected answers."""
    return duckdb.connect(str(WAREHOUSE.get_value()), read_only=True)


@dbt_assets(manifest=PROJECT.manifest_path, name="shop_dbt")
def shop(context, dbt: DbtCliResource, dot: DotResource) -> Iterator[Any]:  # type: ignore[no-untyped-def]
    yield from report_dbt_run(dbt.cli(["build"], context=context), dot=dot)


sync = build_dot_sync_asset(
    connection_type="dbt", connection_id="shop", deps=[shop], automation_condition=after_upstream_updates()
)
gate = build_dot_evaluation_checks(
    suite_file=Path(__file__).parents[1] / "shop" / "evaluations" / "shop.yaml",
    asset=sync,
    dbt_manifest=PROJECT.manifest_path,
    baseline="latest_pass",
    blocking=True,
    poll_interval=1,
)
dashboards = build_dot_external_assets_asset(dbt_manifest=PROJECT.manifest_path, prune="deactivate", deps=[sync])
question = build_dot_question_asset(
    name="orders_per_month",
    question="How many orders per month?",
    labels=["dagster", "shop"],
    deps=[dashboards],
    automation_condition=dg.AutomationCondition.on_cron("0 7 * * 1"),
    retry_policy=dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL),
)
# A DuckDB file takes one writing process: the history waits for dbt, and for the answer read from the same file.
history = build_dot_history_assets(
    destination="duckdb", credentials=WAREHOUSE, dataset="dot_dagster", start_date=FIRST_DAY, deps=[question]
)

daily = dg.define_asset_job("shop_daily", selection=dg.AssetSelection.assets(shop, sync, dashboards, question))
daily_history = dg.define_asset_job("dot_history", selection=dg.AssetSelection.assets(history))

defs = dg.Definitions(
    assets=[shop, sync, dashboards, question, history],
    asset_checks=[gate],
    jobs=[daily, daily_history],
    schedules=[
        dg.ScheduleDefinition(job=daily, cron_schedule="0 6 * * *"),
        dg.build_schedule_from_partitioned_job(daily_history, hour_of_day=8),
    ],
    resources={
        "dbt": DBT,
        "warehouse": read_warehouse,  # or dagster-duckdb's DuckDBResource
        "dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"), base_url=BASE_URL, environment=ENVIRONMENT),
    },
    executor=dg.in_process_executor,
)
