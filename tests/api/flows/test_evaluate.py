from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api.call import Call
from dot_provider.api.errors import (
    DotConflictError,
    DotError,
    DotNotFoundError,
    DotProtocolError,
    DotServerError,
    DotTimeoutError,
)
from dot_provider.api.flows.evaluate import run_evaluation, start_or_attach, wait_for_evaluation
from dot_provider.api.flows.polling import FAILING_FOR, POLL_FAILURES
from dot_provider.api.models.evaluation import EvaluationRun
from dot_provider.sandbox import Sandbox
from tests.api.flows.runs import Run
from tests.both_clients import Connect

RUNNING = EvaluationRun("evr_1", "running", total=5, pending=3)
PASSED = EvaluationRun("evr_1", "completed", True, "pass", 5, 5)
AWAY = DotServerError("away", status=503)


def reading(*answers: EvaluationRun | DotError) -> Run:
    left = iter(answers)
    return Run(lambda call: next(left))


@pytest.mark.parametrize(("evaluation", "verdict"), [("e1", "pass"), ("e-fail", "fail"), ("e-error", "error")])
def test_an_evaluation_is_run_to_its_verdict(dot: Sandbox, connect: Connect, evaluation: str, verdict: str) -> None:
    run = connect(dot.base_url).run_evaluation(evaluation)
    assert (run.finished, run.verdict, run.evaluation_id, run.total) == (True, verdict, evaluation, 5)
    starts = [r for r in dot.requests if r.method == "POST"]
    assert [(r.path, r.json) for r in starts] == [(f"/api/evaluations/{evaluation}/runs", {"trigger": "api"})]


def test_an_active_run_is_waited_for_instead_of_starting_a_second(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    active = client.start_evaluation_run("e1")
    assert client.run_evaluation("e1").id == active.id


def test_a_lost_response_to_the_start_finds_the_run_it_started(dot: Sandbox, connect: Connect) -> None:
    dot.fail_next("/evaluations/", lose="reset", effect=True)
    run = connect(dot.base_url).run_evaluation("e1")
    assert (run.id, run.ok) == ("evr_1", True)


@pytest.mark.parametrize("payload", [None, "busy", {}, {"active_run_id": None}])
def test_a_conflict_that_names_no_run_is_an_error(payload: Any) -> None:
    with pytest.raises(DotConflictError):
        reading(DotConflictError("x", status=409, payload=payload))(start_or_attach("e1"))


def test_the_run_of_an_earlier_try_is_returned_also_where_it_has_finished(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    ended = client.run_evaluation("e1")
    assert client.run(start_or_attach("e1", ended.id)).ok
    assert sum(r.method == "POST" for r in dot.requests) == 1


def test_another_run_is_started_where_that_of_the_earlier_try_is_gone(dot: Sandbox, connect: Connect) -> None:
    assert connect(dot.base_url).run(start_or_attach("e1", "evr_9")).id == "evr_1"


def test_polls_come_at_their_interval_and_never_past_the_deadline() -> None:
    run = reading(RUNNING, RUNNING, RUNNING)
    with pytest.raises(DotTimeoutError, match=r"evr_1 has not finished in time\. Raise timeout"):
        run(wait_for_evaluation("evr_1", deadline=run.clock.now() + 15, poll_interval=10))
    assert run.clock.waits == [10, 5]


def test_a_run_that_has_finished_is_returned_also_behind_the_deadline() -> None:
    """A trigger that is restarted late must not lose a result that is there."""
    assert reading(PASSED)(wait_for_evaluation("evr_1", deadline=0)) is PASSED


def test_failed_looks_are_borne_until_too_many_follow_each_other() -> None:
    some = [AWAY, DotProtocolError("cut", retryable=True)] * (POLL_FAILURES // 2)
    run = reading(*some[:-1], RUNNING, *some[:-1], PASSED)
    assert run(wait_for_evaluation("evr_1", deadline=1e12)) is PASSED
    with pytest.raises(DotError, match=r"away|cut"):
        reading(*some)(wait_for_evaluation("evr_1", deadline=1e12, poll_interval=FAILING_FOR))


@pytest.mark.parametrize("error", [DotNotFoundError("gone", status=404), DotProtocolError("a page")])
def test_a_failure_that_waiting_does_not_mend_ends_the_wait(error: DotError) -> None:
    with pytest.raises(type(error)):
        reading(error)(wait_for_evaluation("evr_1", deadline=1e12))


def test_each_step_is_told() -> None:
    answers = iter([DotConflictError("x", status=409, payload={"active_run_id": "evr_1"}), RUNNING, PASSED])
    run = Run(lambda call: next(answers))
    assert run(run_evaluation("e1")) is PASSED
    assert run.said == [
        "Attached to the active run evr_1 of evaluation e1",
        "Evaluation run evr_1: 2 of 5 done",
        "Evaluation run evr_1 finished with verdict pass: 5 of 5 questions passed, 0 failed, 0 ended in an error",
    ]


def test_a_start_is_told() -> None:
    def play(call: Call[Any]) -> EvaluationRun:
        return RUNNING

    run = Run(play)
    assert run(start_or_attach("e1")) is RUNNING
    assert run.said == ["Started run evr_1 of evaluation e1"]
