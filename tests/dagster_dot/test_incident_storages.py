"""The sensor on the event logs that Dagster's users have: SQLite with a file per run by default, PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.execution.plan.objects import StepSuccessData

from dagster_dot import DotResource
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.incident_location import Location, incidents, reports
from tests.dagster_dot.storages import STORAGES, instance_on


@pytest.fixture(scope="module", params=STORAGES)
def instance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """The storage of all tests of this module, so that each finds a history in it."""
    with instance_on(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made


def test_a_failed_check_is_open_is_reported_once_and_ends_when_it_passes(location: Location, sandbox: Sandbox) -> None:
    location.run(check_passes=False)
    for _ in range(3):
        location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "has_rows", "open")]
    assert len(reports(sandbox)) == 1
    location.run()
    location.tick()
    assert incidents(sandbox) == [("shop.main.orders", "has_rows", "resolved")]


def test_a_partition_that_succeeds_does_not_end_the_incident_of_another(location: Location, sandbox: Sandbox) -> None:
    location.run_region("north", error=RuntimeError("no"))
    location.tick()
    location.run_region("south")
    location.tick()
    assert incidents(sandbox) == [("by_region", "materialization[north]", "open")]
    location.run_region("north")
    location.tick()
    assert incidents(sandbox) == [("by_region", "materialization[north]", "resolved")]


def test_a_check_of_a_partition_has_an_incident_of_its_own(location: Location, sandbox: Sandbox) -> None:
    location.run_region("north", check_passes=False)
    location.tick()
    location.run_region("south")
    location.tick()
    assert incidents(sandbox) == [("by_region", "is_fresh[north]", "open")]
    location.run_region("north")
    location.tick()
    assert incidents(sandbox) == [("by_region", "is_fresh[north]", "resolved")]


def test_an_asset_that_is_late_is_open_until_it_is_fresh_again(location: Location, sandbox: Sandbox) -> None:
    for state in (FreshnessState.PASS, FreshnessState.FAIL, FreshnessState.FAIL, FreshnessState.UNKNOWN):
        location.evaluate_freshness(state)
        location.tick()
    assert incidents(sandbox) == [("report", "freshness", "open")]
    assert len(reports(sandbox)) == 1
    location.evaluate_freshness(FreshnessState.WARN)
    location.tick()
    assert reports(sandbox)[1][0]["severity"] == "warn"
    location.evaluate_freshness(FreshnessState.PASS)
    location.tick()
    assert incidents(sandbox) == [("report", "freshness", "resolved")]
    location.tick()
    assert len(reports(sandbox)) == 3
    location.evaluate_freshness(FreshnessState.FAIL)
    location.tick()
    location.defs = dg.Definitions(sensors=[location.sensor])
    location.tick()
    assert reports(sandbox)[-1][0]["status"] == "resolved"
    assert "fresh again" not in reports(sandbox)[-1][0]["message"]
    location.evaluate_freshness(FreshnessState.PASS)


def test_a_run_whose_process_was_lost_is_an_incident_of_what_it_did_not_materialize(
    location: Location, sandbox: Sandbox
) -> None:
    """No step failed; the daemon's run monitoring ends such a run."""
    run = location.instance.create_run_for_job(location.defs.resolve_job_def("all"))
    done = dg.DagsterEvent("STEP_SUCCESS", "all", step_key="report", event_specific_data=StepSuccessData(1.0))
    location.instance.report_dagster_event(done, run.run_id)
    location.instance.report_run_failed(run, "The run's worker is gone.")
    location.tick()
    assert len(incidents(sandbox)) == 1
    assert incidents(sandbox)[0] == ("shop.main.orders", "materialization", "open")
    assert reports(sandbox)[0][0]["message"] == f"Run {run.run_id} failed."


def test_runs_that_end_at_the_same_time_are_each_reported_once(location: Location, sandbox: Sandbox) -> None:
    """Each with an instance of its own, as in its own process, on the storage that has a file for each."""
    ref = location.instance.get_ref() if location.instance.event_log_storage.is_run_sharded else None

    def run(_: int) -> None:
        with dg.DagsterInstance.from_ref(ref) if ref else nullcontext(location.instance) as instance:
            location.run(check_passes=False, instance=instance)

    with ThreadPoolExecutor(3 if ref else 1) as pool:
        list(pool.map(run, range(3)))
    location.tick()
    location.tick()
    assert [item["check"] for items in reports(sandbox) for item in items] == ["has_rows"] * 3


def test_a_sensor_that_is_switched_on_late_leaves_what_was_before_alone(
    instance: dg.DagsterInstance, dot: DotResource, sandbox: Sandbox
) -> None:
    location = Location(instance, dot)
    for number in range(5):
        location.report(f"check_{number}", passed=False)
    assert location.tick() == "Watching from now on."
    assert location.tick() == "No check or asset changed."
    assert sandbox.requests == []


def test_the_cursor_of_a_former_version_is_read_on(location: Location, sandbox: Sandbox) -> None:
    """It knew no partitions: any materialization of the asset ends what it had opened."""
    stored = json.loads(location.cursor or "")
    location.cursor = json.dumps(
        {**stored, "open_checks": ["orders\thas_rows"], "open_assets": {"orders": 1.0, "by_region": 1.0}}
    )
    location.run()
    location.run_region("south")
    location.tick()
    assert [(item["table"], item["check"], item["status"]) for items in reports(sandbox) for item in items] == [
        ("shop.main.orders", "has_rows", "resolved"),
        ("shop.main.orders", "materialization", "resolved"),
        ("by_region", "materialization", "resolved"),
    ]
