"""What an ask task promises where tasks run on several machines: CeleryExecutor, two workers, one of them killed."""

from __future__ import annotations

import signal

import pytest

from tests.system.airflow.asking import Connected, answer_now, asked, posts
from tests.system.airflow.celery_workers import NAMES
from tests.system.airflow.cluster import Cluster
from tests.system.airflow.rest import Rest
from tests.until import until

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("cluster", ["CeleryExecutor"], indirect=True, scope="module"),
]


def test_questions_of_tasks_on_both_workers_are_each_asked_once(rest: Rest, connected: Connected) -> None:
    """Each worker has one slot, and both tasks hold theirs."""
    dot, connection = connected()
    runs = [rest.run("holds_its_worker", connection=connection, question=f"Question {number}?") for number in range(2)]
    until(lambda: len(dot.conversations) == 2, "both workers have asked")
    assert {run.worker for run in runs} == set(NAMES)

    answer_now(dot)
    assert [run.ended() for run in runs] == ["success", "success"]
    assert posts(dot) == [1, 1]


def test_the_answer_to_a_deferred_question_is_fetched_by_the_other_worker_when_the_one_that_asked_is_gone(
    cluster: Cluster, rest: Rest, connected: Connected
) -> None:
    dot, connection = connected()
    run = rest.run("asks", connection=connection, question="How many orders?")
    run.reaches("deferred")
    gone = run.worker
    cluster.stop_component(gone, signal.SIGKILL)
    try:
        answer_now(dot)
        assert run.ended() == "success"
    finally:
        cluster.start_worker(gone)
    assert {gone, run.worker} == set(NAMES)
    assert run.answer()["text"]
    assert posts(dot) == [1]


def test_a_worker_that_is_killed_while_its_question_runs_leaves_it_to_a_retry_on_the_other(
    cluster: Cluster, rest: Rest, connected: Connected
) -> None:
    dot, connection = connected()
    # Dot has the question; the task waits for the response to its post.
    dot.fail_next("/agentic", effect=True, latency=60)
    run = rest.run("asks", connection=connection, question="How many orders?")
    asked(run, dot)
    gone = run.worker
    cluster.stop_component(gone, signal.SIGKILL)

    until(lambda: run.tasks[0]["try_number"] == 2, "the scheduler has noticed and tries again")
    run.reaches("deferred")
    answer_now(dot)
    assert run.ended() == "success"
    assert {gone, run.worker} == set(NAMES)
    assert "Attached to the question already asked" in run.log(2)
    assert posts(dot) == [1]


def test_nothing_outlives_the_cluster(cluster: Cluster) -> None:
    processes = cluster.processes()
    assert processes
    cluster.stop()
    assert [process for process in processes if process.is_running()] == []
