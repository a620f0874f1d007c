"""A code location whose fate a test decides, and its incident sensor, ticked as the daemon does."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from dagster_dot import DotResource, build_dot_incident_sensor
from dot_provider.sandbox import Sandbox

RUN_URL = "https://dagster.example.com"
REGIONS = dg.StaticPartitionsDefinition(["north", "south"])


class Location:
    """A code location with an asset, a check and what depends on them, whose fate the test decides."""

    def __init__(self, instance: dg.DagsterInstance, dot: DotResource) -> None:
        self.instance = instance
        self.check_passes = True
        self.asset_error: Exception | None = None
        self.cursor: str | None = None

        @dg.asset(metadata={"dagster/table_name": "shop.main.orders"})
        def orders() -> None:
            if self.asset_error is not None:
                raise self.asset_error

        @dg.asset_check(asset=orders)
        def has_rows() -> dg.AssetCheckResult:
            severity = dg.AssetCheckSeverity.WARN
            return dg.AssetCheckResult(passed=self.check_passes, severity=severity, description="There are no rows.")

        @dg.asset(deps=[orders], freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=1)))
        def report() -> None: ...

        @dg.asset(partitions_def=REGIONS)
        def by_region(context) -> None:  # type: ignore[no-untyped-def] # Dagster reads annotations, which are text here
            if self.asset_error is not None and context.partition_key == "north":
                raise self.asset_error

        @dg.asset_check(asset=by_region, partitions_def=REGIONS)
        def is_fresh() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=self.check_passes)

        self.sensor = build_dot_incident_sensor(webserver_url=RUN_URL)
        jobs = [dg.define_asset_job("all", [orders, report]), dg.define_asset_job("region", [by_region])]
        self.defs = dg.Definitions(
            [orders, report, by_region],
            asset_checks=[has_rows, is_fresh],
            sensors=[self.sensor],
            resources={"dot": dot},
            jobs=jobs,
        )
        self.dot = dot

    def run(
        self, *, check_passes: bool = True, error: Exception | None = None, instance: dg.DagsterInstance | None = None
    ) -> str:
        self.check_passes, self.asset_error = check_passes, error
        job = self.defs.resolve_job_def("all")
        return job.execute_in_process(instance=instance or self.instance, raise_on_error=False).run_id

    def run_region(self, region: str, *, check_passes: bool = True, error: Exception | None = None) -> None:
        self.check_passes, self.asset_error = check_passes, error
        job = self.defs.resolve_job_def("region")
        job.execute_in_process(instance=self.instance, raise_on_error=False, partition_key=region)

    def report(self, check: str, *, passed: bool) -> None:
        """Report a check from outside of any run."""
        self.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(dg.AssetKey("orders"), check, passed, metadata={})
        )

    def evaluate_freshness(self, state: FreshnessState) -> None:
        """Keep a state of the report, as the daemon does that evaluates freshness policies."""
        change = FreshnessStateChange(
            key=dg.AssetKey("report"),
            new_state=state,
            previous_state=FreshnessState.UNKNOWN,
            state_change_timestamp=time.time(),
        )
        self.instance._report_runless_asset_event(change)

    def tick(self) -> str:
        """Evaluate the sensor as the daemon does, and return why it skipped."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.defs.get_repository_def(),
            resources={"dot": self.dot},
        ) as context:
            data = self.sensor.evaluate_tick(context)
        self.cursor = data.cursor
        return str(data.skip_message)


def incidents(sandbox: Sandbox) -> list[tuple[str, str, str]]:
    return [(found.table, found.check, found.status) for found in sandbox.workspace.incidents.all]


def reports(sandbox: Sandbox) -> list[list[dict[str, Any]]]:
    return [request.json["items"] for request in sandbox.requests if request.path.endswith("/quality/incidents")]
