"""A code location with a question that nobody waits for but the sensor."""

from __future__ import annotations

import os

import dagster as dg

from dagster_dot import DotResource, build_dot_answer_sensor, build_dot_question_asset

asked = build_dot_question_asset(question="How many orders?", name="orders", wait="sensor")

defs = dg.Definitions(
    assets=[asked],
    jobs=[dg.define_asset_job("ask", [asked])],
    sensors=[build_dot_answer_sensor(minimum_interval_seconds=1)],
    resources={"dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"), base_url=os.environ.get("DOT_BASE_URL"))},
)
