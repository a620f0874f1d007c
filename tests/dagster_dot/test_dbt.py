"""Reports of dbt runs. The stream is dagster-dbt's in the last tests; in the others it is what matters of one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_dbt import DbtCliResource, dbt_assets

from dagster_dot import DotResource, report_dbt_run
from dot_provider.sandbox import Sandbox
from tests.fixtures_dbt import Shop


class Invocation:
    """What dagster-dbt's invocation of dbt Core offers."""

    def __init__(self, target: Path, error: BaseException | None = None) -> None:
        self.target, self.error = target, error

    def stream(self) -> Iterator[str]:
        yield "an event"
        if self.error is not None:
            raise self.error

    def get_artifact(self, name: str) -> Any:
        return json.loads((self.target / name).read_text())


class CloudInvocation:
    """What dagster-dbt's invocation of dbt Cloud offers."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.run_handler = self

    def wait(self) -> Iterator[str]:
        yield "an event"

    def list_run_artifacts(self) -> list[str]:
        return [path.name for path in self.target.iterdir()]

    def get_run_results(self) -> Any:
        return json.loads((self.target / "run_results.json").read_text())

    def get_manifest(self) -> Any:
        return json.loads((self.target / "manifest.json").read_text())


def test_the_run_is_reported_after_its_last_event(dot: DotResource, sandbox: Sandbox, shop: Shop) -> None:
    events = report_dbt_run(Invocation(shop.target_path), dot=dot)
    assert next(events) == "an event"
    assert sandbox.workspace.dbt.count == 0
    assert list(events) == []
    assert sandbox.workspace.dbt.count == 1


def test_the_run_is_reported_also_when_dbt_failed(dot: DotResource, sandbox: Sandbox, failing_shop: Shop) -> None:
    events = report_dbt_run(Invocation(failing_shop.target_path, RuntimeError("a test failed")), dot=dot)
    with pytest.raises(RuntimeError, match="a test failed"):
        list(events)
    assert [incident.status for incident in sandbox.workspace.incidents.open] == ["open"]


def test_the_run_is_reported_also_when_it_is_terminated(dot: DotResource, sandbox: Sandbox, shop: Shop) -> None:
    """Dagster interrupts a step by a BaseException that no ``except Exception`` sees."""
    events = report_dbt_run(Invocation(shop.target_path, KeyboardInterrupt()), dot=dot)
    with pytest.raises(KeyboardInterrupt):
        list(events)
    assert sandbox.workspace.dbt.count == 1


def test_dbts_own_failure_is_the_one_that_shows(dot: DotResource, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fail_next("/dbt/run_results", status=403)
    events = report_dbt_run(Invocation(shop.target_path, RuntimeError("a test failed")), dot=dot, required=True)
    with pytest.raises(RuntimeError, match="a test failed"):
        list(events)


def test_a_report_that_does_not_arrive_does_not_spoil_the_build(dot: DotResource, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fail_next("/dbt/run_results", status=403)
    assert list(report_dbt_run(Invocation(shop.target_path), dot=dot)) == ["an event"]


def test_a_required_report_that_does_not_arrive_fails_the_step(dot: DotResource, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.fail_next("/dbt/run_results", status=403)
    with pytest.raises(dg.Failure, match="403"):
        list(report_dbt_run(Invocation(shop.target_path), dot=dot, required=True))


def test_a_dbt_that_never_started_has_nothing_to_report(dot: DotResource, sandbox: Sandbox, tmp_path: Path) -> None:
    events = report_dbt_run(Invocation(tmp_path, RuntimeError("no profile")), dot=dot)
    with pytest.raises(RuntimeError, match="no profile"):
        list(events)
    assert sandbox.requests == []


def test_other_events_than_the_plain_stream_can_be_yielded(dot: DotResource, sandbox: Sandbox, shop: Shop) -> None:
    assert list(report_dbt_run(Invocation(shop.target_path), dot=dot, events=["with row counts"])) == [
        "with row counts"
    ]
    assert sandbox.workspace.dbt.count == 1


@pytest.mark.parametrize(("since", "reports"), [("run", 0), (None, 1), ("2020-01-01T00:00:00Z", 1)])
def test_what_dbt_wrote_before_the_run_is_not_reported_as_its_own(
    dot: DotResource, sandbox: Sandbox, shop: Shop, since: Any, reports: int
) -> None:
    """A dbt that does not compile leaves the results of the run before in a target path of the user's."""

    @dg.asset
    def orders() -> None:
        list(report_dbt_run(Invocation(shop.target_path), dot=dot, since=since))

    assert dg.materialize([orders]).success
    assert sandbox.workspace.dbt.count == reports


def test_results_that_are_a_moment_older_than_the_run_are_of_another(
    dot: DotResource, sandbox: Sandbox, shop_copy: Shop
) -> None:
    @dg.asset
    def orders(context):  # type: ignore[no-untyped-def]
        started: Any = context.instance.get_run_record_by_id(context.run_id)
        written = datetime.fromtimestamp(started.start_time - 0.1, timezone.utc)
        results = json.loads((shop_copy.target_path / "run_results.json").read_text())
        results["metadata"]["generated_at"] = written.isoformat()
        (shop_copy.target_path / "run_results.json").write_text(json.dumps(results))
        list(report_dbt_run(Invocation(shop_copy.target_path), dot=dot))

    assert dg.materialize([orders]).success
    assert sandbox.workspace.dbt.count == 0


@pytest.mark.parametrize("break_a_test", [False, True])
def test_an_op_needs_no_manifest(
    shop_copy: Shop, dot: DotResource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, break_a_test: bool
) -> None:
    monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))

    @dg.op(out={})
    def build(context, dbt: DbtCliResource, dot: DotResource):  # type: ignore[no-untyped-def]
        arguments = ["build", "--select", "orders", "--vars", json.dumps({"break_a_test": break_a_test})]
        yield from report_dbt_run(dbt.cli(arguments, context=context), dot=dot)

    @dg.job
    def nightly() -> None:
        build()

    shop_dbt = DbtCliResource(
        project_dir=str(shop_copy.project_dir), dbt_executable=str(Path(sys.executable).with_name("dbt"))
    )
    result = nightly.execute_in_process(resources={"dbt": shop_dbt, "dot": dot}, raise_on_error=False)
    assert (result.success, sandbox.workspace.dbt.count) == (not break_a_test, 1)
    assert len(list(sandbox.workspace.incidents.open)) == break_a_test


def test_dbt_clouds_artifacts_are_reported(dot: DotResource, sandbox: Sandbox, shop: Shop) -> None:
    assert list(report_dbt_run(CloudInvocation(shop.target_path), dot=dot)) == ["an event"]
    assert sandbox.workspace.dbt.count == 1


@pytest.mark.parametrize("required", [True, False])
def test_what_dbt_cloud_answers_does_not_hide_why_the_run_failed(
    dot: DotResource, sandbox: Sandbox, shop: Shop, caplog: pytest.LogCaptureFixture, required: bool
) -> None:
    class Broken(CloudInvocation):
        def wait(self) -> Iterator[str]:
            yield "an event"
            raise dg.Failure("the job failed")

        def list_run_artifacts(self) -> list[str]:
            raise dg.Failure("Max retries (3) exceeded")

    with pytest.raises(dg.Failure, match="the job failed"):
        list(report_dbt_run(Broken(shop.target_path), dot=dot, required=required))
    assert caplog.text.count("Max retries (3) exceeded") == 1


def test_dagster_dbts_assets_report_their_run_also_when_a_test_fails(
    shop_copy: Shop, dot: DotResource, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dagster-dbt raises at the end of its stream and nothing downstream runs, yet Dot has the incident."""
    monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))

    @dbt_assets(manifest=shop_copy.target_path / "manifest.json", select="orders")
    def shop(context, dbt: DbtCliResource, dot: DotResource) -> Iterator[Any]:  # type: ignore[no-untyped-def]
        invocation = dbt.cli(["build", "--vars", "{break_a_test: true}"], context=context)
        yield from report_dbt_run(invocation, dot=dot)

    shop_dbt = DbtCliResource(
        project_dir=str(shop_copy.project_dir), dbt_executable=str(Path(sys.executable).with_name("dbt"))
    )
    result = dg.materialize([shop], resources={"dbt": shop_dbt, "dot": dot}, raise_on_error=False)
    assert not result.success
    (incident,) = sandbox.workspace.incidents.open
    assert "completed_orders_are_paid_in_full" in incident.check
