"""A code location with the incident sensor switched on; a run's tag says whether its check passes."""

from __future__ import annotations

import os

import dagster as dg

from dagster_dot import DotResource, build_dot_incident_sensor


@dg.asset
def orders() -> None: ...


@dg.asset_check(asset=orders)
def has_rows(context) -> dg.AssetCheckResult:  # type: ignore[no-untyped-def] # Dagster reads annotations
    return dg.AssetCheckResult(passed=context.run.tags["check"] == "passes")


defs = dg.Definitions(
    assets=[orders],
    asset_checks=[has_rows],
    jobs=[dg.define_asset_job("daily", [orders])],
    sensors=[
        build_dot_incident_sensor(minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING),
    ],
    resources={"dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"), base_url=os.environ.get("DOT_BASE_URL"))},
)
