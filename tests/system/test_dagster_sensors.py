"""The sensors as a team has them: a real daemon, on the storage that each DAGSTER_HOME has by default."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from dot_provider.sandbox import Sandbox
from tests.system.airflow.asking import answer_now
from tests.system.dagster_incidents import defs
from tests.until import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
PATIENCE = 240


@contextmanager
def daemon(home: Path, sandbox: Sandbox, location: str = "dagster_incidents") -> Iterator[None]:
    """Run Dagster's daemon on ``home`` until the block ends."""
    env = {"DAGSTER_HOME": str(home), "DOT_API_TOKEN": sandbox.token, "DOT_BASE_URL": sandbox.base_url}
    command = [Path(sys.executable).with_name("dagster-daemon"), "run", "-m", f"tests.system.{location}"]
    with (home / "daemon.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **env}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # its code server, too
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_an_incident_is_opened_once_and_resolved_across_restarts_of_the_daemon(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    job = defs.resolve_job_def("daily")
    with Sandbox(hold_requests=False) as sandbox, dg.DagsterInstance.from_config(str(tmp_path)) as instance:

        def run(check: str) -> None:
            assert job.execute_in_process(instance=instance, tags={"check": check}).success

        def ticks() -> list[str]:
            """Reasons of the sensor's ticks, the newest first; none of them may have failed."""
            found = [
                tick
                for state in instance.all_instigator_state()
                for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
            ]
            assert [str(tick.error) for tick in found if tick.error] == []
            return [str(tick.skip_reason) for tick in found if tick.skip_reason]

        def incidents() -> list[tuple[str, str]]:
            return [(found.check, found.status) for found in sandbox.workspace.incidents.all]

        run("fails")  # before anybody watched
        with daemon(tmp_path, sandbox):
            until(ticks, "the sensor's first tick", PATIENCE)
            run("fails")
            until(incidents, "the incident", PATIENCE)
            seen = len(ticks())
            until(lambda: len(ticks()) >= seen + 2, "two more ticks", PATIENCE)
        assert incidents() == [("has_rows", "open")]
        assert len(sandbox.requests) == 1
        run("passes")  # while nobody watches
        with daemon(tmp_path, sandbox):
            until(lambda: "Reported to Dot: orders has_rows resolved." in ticks(), "the incident's end", PATIENCE)
        assert incidents() == [("has_rows", "resolved")]
        assert len(sandbox.requests) == 2


def test_a_question_is_answered_after_its_run_and_across_restarts_of_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with (
        Sandbox(hold_requests=False, answer_polls=1_000_000) as sandbox,
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
    ):
        monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
        monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)
        from tests.system.dagster_answers import asked
        from tests.system.dagster_answers import defs as answers

        assert answers.resolve_job_def("ask").execute_in_process(instance=instance).success

        def looks() -> int:
            return sum(request.path.startswith("/api/c2/") for request in sandbox.requests)

        with daemon(tmp_path, sandbox, "dagster_answers"):
            until(lambda: looks() > 2, "the sensor looks", PATIENCE)
        assert instance.get_latest_materialization_event(asked.key) is None
        answer_now(sandbox)
        with daemon(tmp_path, sandbox, "dagster_answers"):
            until(lambda: instance.get_latest_materialization_event(asked.key), "the answer", PATIENCE)
        (chat,) = sandbox.conversations.values()
        assert chat.posts == 1
