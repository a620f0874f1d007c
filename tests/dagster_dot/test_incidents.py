"""The sensor against a real event log and a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_incident_sensor
from dot_provider.sandbox import Sandbox

RUN_URL = "https://dagster.example.com"


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

        @dg.asset(deps=[orders])
        def report() -> None: ...

        self.sensor = build_dot_incident_sensor(webserver_url=RUN_URL)
        self.defs = dg.Definitions(
            [orders, report], asset_checks=[has_rows], sensors=[self.sensor], resources={"dot": dot}
        )
        self.dot = dot

    def run(self, *, check_passes: bool = True, error: Exception | None = None) -> str:
        self.check_passes, self.asset_error = check_passes, error
        job = self.defs.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(instance=self.instance, raise_on_error=False).run_id

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


@pytest.fixture
def location(instance: dg.DagsterInstance, dot: DotResource) -> Location:
    made = Location(instance, dot)
    made.tick()
    return made


def incidents(sandbox: Sandbox) -> list[tuple[str, str, str]]:
    return [(found.table, found.check, found.status) for found in sandbox.workspace.incidents.all]


def reports(sandbox: Sandbox) -> list[list[dict[str, Any]]]:
    return [request.json["items"] for request in sandbox.requests if request.path.endswith("/quality/incidents")]


def test_a_failed_check_is_an_incident_on_its_table(location: Location, sandbox: Sandbox) -> None:
    """The run itself succeeds, so that no hook and no run failure sensor would see it."""
    run_id = location.run(check_passes=False)
    location.tick()
    (item,) = reports(sandbox)[0]
    assert item == {
        "table": "shop.main.orders",
        "check": "has_rows",
        "status": "open",
        "severity": "warn",
        "message": "There are no rows.",
        "url": f"{RUN_URL}/runs/{run_id}",
    }


def test_a_check_that_passes_again_ends_its_incident(location: Location, sandbox: Sandbox) -> None:
    location.run(check_passes=False)
    location.tick()
    location.run()
    location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "has_rows", "resolved")]


def test_a_failure_is_reported_once(location: Location, sandbox: Sandbox) -> None:
    location.run(check_passes=False)
    for _ in range(3):
        location.tick()
    assert len(reports(sandbox)) == 1


def test_a_failed_materialization_is_an_incident_with_its_real_cause(location: Location, sandbox: Sandbox) -> None:
    """Only of the asset that failed, not of what was skipped because of it."""
    location.run(error=RuntimeError("the disk is full"))
    location.tick()
    (item,) = reports(sandbox)[0]
    assert (item["table"], item["check"], item["severity"]) == ("shop.main.orders", "materialization", "error")
    assert "the disk is full" in item["message"]


def test_a_materialization_ends_the_incident_of_a_failed_one(location: Location, sandbox: Sandbox) -> None:
    location.run(error=RuntimeError("the disk is full"))
    location.tick()
    location.run()
    location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "materialization", "resolved")]


def test_what_passes_from_the_start_is_not_reported(location: Location, sandbox: Sandbox) -> None:
    location.run()
    assert location.tick() == "No check or asset changed."
    assert sandbox.requests == []


def test_failures_from_before_the_first_tick_are_left_alone(
    instance: dg.DagsterInstance, dot: DotResource, sandbox: Sandbox
) -> None:
    location = Location(instance, dot)
    location.run(check_passes=False)
    location.run(error=RuntimeError("long ago"))
    assert location.tick() == "Watching from now on."
    location.tick()
    assert sandbox.requests == []


def test_nothing_is_lost_while_dot_is_down(location: Location, sandbox: Sandbox) -> None:
    location.run(check_passes=False)
    sandbox.fail_next("/quality/incidents", status=429, retry_after=120)
    assert "wait for the next tick" in location.tick()
    location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "has_rows", "open")]


def test_a_refusal_fails_the_tick(location: Location, sandbox: Sandbox) -> None:
    location.run(check_passes=False)
    sandbox.fail_next("/quality/incidents", status=403)
    with pytest.raises(Exception, match="403"):
        location.tick()


def test_a_tick_ends_within_its_time_and_the_next_goes_on(
    location: Location, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_dot.incidents.BATCH", 1)
    monkeypatch.setattr("dagster_dot.incidents.TIME_BUDGET", 0.0)
    location.run(check_passes=False)
    location.run(check_passes=False)
    location.tick()
    assert len(reports(sandbox)) == 1
    location.tick()
    assert len(reports(sandbox)) == 2


def test_checks_that_were_reported_from_outside_count_too(location: Location, sandbox: Sandbox) -> None:
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("orders"), check_name="by_hand", passed=False, metadata={}
    )
    location.instance.report_runless_asset_event(evaluation)
    location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "by_hand", "open")]


def dbt_evaluation() -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("orders"), check_name="unique", passed=False, metadata={"dagster_dbt/failed_row_count": 3}
    )


def test_dbts_tests_are_left_to_the_report_of_the_dbt_run(location: Location, sandbox: Sandbox) -> None:
    location.instance.report_runless_asset_event(dbt_evaluation())
    location.tick()
    assert sandbox.requests == []


@pytest.mark.parametrize("cursor", ["", "nonsense", "{}", '{"checks": "x"}'])
def test_a_cursor_of_somebody_elses_starts_at_the_present(location: Location, cursor: str) -> None:
    location.cursor = cursor
    assert location.tick() == "Watching from now on."


def test_the_sensor_can_be_named_and_started(request: Callable[..., Any]) -> None:
    made = build_dot_incident_sensor(name="eu", default_status=dg.DefaultSensorStatus.RUNNING, resource_key="dot_eu")
    assert (made.name, made.default_status) == ("eu", dg.DefaultSensorStatus.RUNNING)
    assert made.required_resource_keys == {"dot_eu"}
