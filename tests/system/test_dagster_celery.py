"""What a question promises where the steps of a run are spread over machines: dagster-celery, two workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dot_provider.sandbox import Sandbox
from tests.dagster_dot.location import QUESTIONS, questions_on_celery_workers
from tests.postgres import running_postgres
from tests.system.celery_broker import make_tables
from tests.system.dagster_workers import NAMES, Worker, executor_config, workers
from tests.until import until

pytest.importorskip("dagster_celery")
pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PATIENCE = 240
"""Seconds to wait for what takes a few on a machine that does nothing else."""

TOKEN = "a-token-that-nobody-may-keep"

Running = Future[dg.JobExecutionResult]
Launch = Callable[..., Running]


@pytest.fixture
def dot() -> Iterator[Sandbox]:
    """A Dot that answers nothing until it is told to."""
    with Sandbox(token=TOKEN, hold_requests=False, answer_polls=1_000_000) as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[Path, Any]]:
    with running_postgres("celery-") as running:
        yield running


@pytest.fixture(scope="module")
def shared(postgres: tuple[Path, Any]) -> Path:
    """A folder that all machines reach, where the processes leave what is looked through afterwards."""
    return postgres[0]


@pytest.fixture(scope="module")
def config(postgres: tuple[Path, Any]) -> dict[str, Any]:
    """The executor's settings, the same for all tests, because Celery keeps the first it sees in a process."""
    _, server = postgres
    server.psql("CREATE DATABASE celery")
    database = server.get_uri("celery")
    make_tables(database, "dagster")
    return executor_config(database)


@pytest.fixture
def home(shared: Path, request: pytest.FixtureRequest) -> Path:
    """Dagster's own storage, which all machines reach."""
    (made := shared / request.node.name / "dagster").mkdir(parents=True)
    (made / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    return made


@pytest.fixture
def instance(home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


@pytest.fixture
def team(
    home: Path, instance: dg.DagsterInstance, config: Mapping[str, Any], dot: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Worker]]:
    """Both workers, by their names; this process and they get the same environment.

    Dagster's storage is there before them, because processes that make it at once fail.
    """
    env = {
        "DOT_API_TOKEN": dot.token,
        "DOT_BASE_URL": dot.base_url,
        "DAGSTER_HOME": str(home),
        "CELERY_BROKER": config["broker"],
        "CELERY_BACKEND": config["backend"],
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with workers(config, home.parent, env) as running:
        yield running


@pytest.fixture
def launch(instance: dg.DagsterInstance) -> Iterator[Launch]:
    """A function that starts the run of all questions, or its re-execution."""
    with ThreadPoolExecutor(1) as pool:

        def run(again: str | None = None) -> Running:
            options = dg.ReexecutionOptions.from_failure(again, instance) if again else None
            job = dg.reconstructable(questions_on_celery_workers)
            return pool.submit(dg.execute_job, job, instance, reexecution_options=options)

        yield run


def answered(run: Running, dot: Sandbox) -> dg.JobExecutionResult:
    """Let every question be answered at the next look, and wait for the run to end."""

    def answer() -> bool:
        for chat in list(dot.conversations.values()):
            for turn in chat.turns:
                turn.polls_left = 0
        return run.done()

    until(answer, "the run has ended", PATIENCE)
    return run.result()


def workers_of_steps(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """Which worker has begun which step, by the name of the worker without its machine."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)]
    found = {event.step_key: event.engine_event_data.metadata.get("Celery worker") for event in events if event}
    return {str(step): str(worker.value).split("@")[0] for step, worker in found.items() if worker is not None}


def test_questions_of_steps_on_both_workers_are_each_asked_once(
    team: dict[str, Worker], launch: Launch, dot: Sandbox, instance: dg.DagsterInstance, shared: Path
) -> None:
    """Each worker has one slot, and both slots wait for an answer before there is any."""
    run = launch()
    until(lambda: len(dot.conversations) == 2 or run.done(), "both workers have asked", PATIENCE)
    result = answered(run, dot)
    assert result.success
    assert set(workers_of_steps(instance, result.run_id).values()) == set(NAMES)
    assert sorted(chat.turns[0].question for chat in dot.conversations.values()) == list(QUESTIONS)
    assert {chat.posts for chat in dot.conversations.values()} == {1}
    # Nothing stays on a worker's disk, and the token is with nobody: broker, results, Dagster's storage, logs.
    assert {name: worker.files for name, worker in team.items()} == {name: [] for name in NAMES}
    kept = [file.name for file in shared.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert kept == []


def test_a_question_whose_worker_was_killed_is_found_again_from_the_other_worker(
    team: dict[str, Worker], launch: Launch, dot: Sandbox, instance: dg.DagsterInstance
) -> None:
    """The run fails, since dagster-celery retries no step whose process is gone; "re-execute from failure" goes on."""
    gone, left = (team[name] for name in NAMES)
    run = launch()
    until(lambda: len(dot.conversations) == 2 or run.done(), "both workers have asked", PATIENCE)
    (first,) = instance.get_run_ids()
    (lost,) = [step for step, name in workers_of_steps(instance, first).items() if name == gone.name]
    gone.kill_the_process_of_its_step()
    assert not answered(run, dot).success
    gone.stop()

    again = answered(launch(first), dot)
    assert again.success
    assert workers_of_steps(instance, again.run_id)[lost] == left.name
    messages = [entry.user_message for entry in instance.all_logs(again.run_id) if entry.step_key == lost]
    assert any("Attached to the question already asked" in message for message in messages)
    assert sorted(chat.turns[0].question for chat in dot.conversations.values()) == list(QUESTIONS)
    assert {chat.posts for chat in dot.conversations.values()} == {1}
