"""What the sensor reports, against a sandbox; test_incident_storages.py reads the event logs that users have."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_incident_sensor
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.incident_location import RUN_URL, Location, incidents, reports


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


def test_a_failed_materialization_is_an_incident_without_the_text_of_its_error(
    location: Location, sandbox: Sandbox
) -> None:
    """Only of the asset that failed, not of what was skipped because of it."""
    location.run(error=RuntimeError("postgresql://loader:hunter2@db is down"))
    location.tick()
    (item,) = reports(sandbox)[0]
    assert (item["table"], item["check"], item["severity"]) == ("shop.main.orders", "materialization", "error")
    assert item["message"].startswith("Step orders failed in run ")
    assert "hunter2" not in json.dumps(item)


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


def test_an_incident_that_dot_refuses_holds_up_no_other(location: Location, sandbox: Sandbox) -> None:
    location.run(check_passes=False)
    location.run_region("north", error=RuntimeError("away"))
    for _ in range(2):  # the whole, and the first half of it
        sandbox.fail_next("/quality/incidents", status=422)
    location.tick()
    assert [item[:2] for item in incidents(sandbox)] == [("by_region", "materialization[north]")]
    location.tick()
    assert len(reports(sandbox)) == 3


def test_an_incident_ends_under_the_table_that_it_began_under(location: Location, sandbox: Sandbox) -> None:
    location.run(check_passes=False)
    location.tick()
    table = {"dagster/table_name": "shop.main.purchases"}
    location.defs = location.defs.map_resolved_asset_specs(
        func=lambda spec: spec.merge_attributes(metadata=table), selection="orders"
    )
    location.run(check_passes=False)
    location.tick()
    old, new = ("shop.main.orders", "has_rows"), ("shop.main.purchases", "has_rows")
    assert incidents(sandbox) == [(*old, "resolved"), (*new, "open")]
    location.run()
    location.tick()
    assert incidents(sandbox) == [(*old, "resolved"), (*new, "resolved")]


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
    location.report("by_hand", passed=False)
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


def test_a_success_between_a_failed_step_and_the_end_of_its_run_ends_the_incident(
    location: Location, sandbox: Sandbox
) -> None:
    """Two runs at once: the time of the failure is that of the step, not that of the run's end."""
    failing = dg.define_asset_job("slow_end", ["orders", "meanwhile"])

    @dg.asset
    def meanwhile() -> None:
        location.instance.report_runless_asset_event(dg.AssetMaterialization("orders"))

    @dg.asset
    def orders() -> None:
        raise RuntimeError("no")

    defs = dg.Definitions([orders, meanwhile], jobs=[failing])
    for job in [defs.resolve_job_def("slow_end")]:
        job.execute_in_process(instance=location.instance, raise_on_error=False)
    location.instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "materialization", "resolved")]


def test_many_incidents_go_in_requests_of_a_bounded_size_and_the_tick_tells(
    location: Location, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagster_dot.incidents.BATCH", 5)
    for number in range(12):
        location.report(f"check_{number}", passed=False)
    said = location.tick()
    assert [len(items) for items in reports(sandbox)] == [5, 5, 2]
    assert said.startswith("Reported to Dot: shop.main.orders check_0 open, ")
    assert said.endswith(", 2 more.")


def test_a_wiped_event_log_does_not_silence_the_sensor(location: Location, sandbox: Sandbox) -> None:
    for number in range(5):
        location.report(f"check_{number}", passed=True)
    location.tick()
    location.instance.event_log_storage.wipe()
    location.tick()
    location.run(check_passes=False)
    location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "has_rows", "open")]
