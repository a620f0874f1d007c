"""The code location of the system test: the token is written out in it, which is the worst that a user can do."""

from __future__ import annotations

import os

import dagster as dg

from dagster_dot import DotResource, build_dot_evaluation_check, build_dot_question_asset, build_dot_sync_asset

orders = dg.AssetSpec("orders", kinds={"dbt"}, group_name="dbt")
customers = dg.AssetSpec("customers", kinds={"dbt"}, group_name="dbt")
sync = build_dot_sync_asset(connection_type="dbt", connection_id="shop", deps=[orders, customers])
evaluation = build_dot_evaluation_check(evaluation_id="revenue", asset=sync, poll_interval=0.05)
question = build_dot_question_asset(
    name="orders_per_month", question="How many orders per month?", deps=[sync], poll_interval=0.05
)
slow = build_dot_question_asset(name="slow", question="How many orders? [slow]", poll_interval=0.2)
slow_evaluation = build_dot_evaluation_check(
    evaluation_id="slow", name="slow_evaluation", asset="orders", poll_interval=600
)
slow_sync = build_dot_sync_asset(connection_type="dbt", connection_id="slow")

defs = dg.Definitions(
    assets=[orders, customers, sync, question, slow, slow_sync],
    asset_checks=[evaluation, slow_evaluation],
    jobs=[
        dg.define_asset_job("daily", selection=dg.AssetSelection.assets(sync, question)),
        dg.define_asset_job("ask_slowly", selection=dg.AssetSelection.assets(slow)),
        dg.define_asset_job("evaluate_slowly", selection=dg.AssetSelection.checks(*slow_evaluation.check_keys)),
        dg.define_asset_job("sync_slowly", selection=dg.AssetSelection.assets(slow_sync)),
    ],
    resources={
        "dot": DotResource(api_token=os.environ["DOT_API_TOKEN"], base_url=os.environ["DOT_BASE_URL"]),
    },
    executor=dg.in_process_executor,
)
