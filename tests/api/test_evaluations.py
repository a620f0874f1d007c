"""A run of an evaluation is started once, waited for, and read in every shape that Dot has sent."""

from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api._core.call import Call
from dot_provider.api.errors import (
    DotConflictError,
    DotError,
    DotEvaluationFailedError,
    DotNotFoundError,
    DotProtocolError,
    DotServerError,
    DotTimeoutError,
    DotUsageError,
)
from dot_provider.api.evaluations import (
    EvaluationQuestion,
    EvaluationRun,
    run_evaluation,
    start_or_attach,
    wait_for_evaluation,
)
from dot_provider.api.wait import FAILING_FOR, POLL_FAILURES
from dot_provider.sandbox import Sandbox
from tests.api.runs import Run
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


RUN = {
    "id": "evr_1",
    "status": "completed",
    "finished": True,
    "verdict": "PASS",
    "summary": {"total": 5, "pass": 3, "fail": 1, "error": 1, "pending": 0},
}


def test_a_run_is_read_with_its_counts_and_kept_raw() -> None:
    run = EvaluationRun.from_record(RUN, "eval_7")
    assert (run.id, run.verdict, run.finished, run.ok) == ("evr_1", "pass", True, True)
    assert (run.total, run.passed, run.failed, run.errors, run.pending) == (5, 3, 1, 1, 0)
    assert (run.evaluation_id, run.raw) == ("eval_7", RUN)
    assert run.text == "verdict pass: 3 of 5 questions passed, 1 failed, 1 ended in an error"
    assert run.require_pass() is run


@pytest.mark.parametrize("summary", [None, "5 of 5", [], {"total": "5", "pass": None}])
def test_a_run_without_counts_is_read_all_the_same(summary: Any) -> None:
    run = EvaluationRun.from_record({"id": 7, "summary": summary})
    assert (run.id, run.verdict, run.finished, run.total) == ("7", "pending", False, 0)


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": ""}, {"id": {}}])
def test_a_run_without_an_id_cannot_be_waited_for(record: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="id"):
        EvaluationRun.from_record(record)


@pytest.mark.parametrize(
    ("fields", "finished", "ok"),
    [
        ({"verdict": "pass"}, True, True),
        ({"verdict": "fail"}, True, False),
        ({"verdict": "error"}, True, False),
        ({"verdict": "pending"}, False, False),
        ({"verdict": "pass", "finished": False}, False, False),
        ({"finished": True}, True, False),
        ({"verdict": "pass", "finished": "false"}, False, False),
        ({"verdict": "pass", "finished": None}, True, True),
    ],
)
def test_only_a_finished_pass_is_a_pass(fields: dict[str, Any], finished: bool, ok: bool) -> None:
    run = EvaluationRun.from_record({"id": "evr_1", **fields})
    assert (run.finished, run.ok) == (finished, ok)


@pytest.mark.parametrize("verdict", ["fail", "error", "pending", "odd"])
def test_any_other_verdict_ends_as_an_error_that_holds_the_run(verdict: str) -> None:
    run = EvaluationRun.from_record({**RUN, "verdict": verdict})
    with pytest.raises(DotEvaluationFailedError, match=f"evr_1 did not pass: verdict {verdict}") as caught:
        run.require_pass()
    assert caught.value.run is run


@pytest.mark.parametrize("name", ["questions", "results", "question_results", "items", "cases"])
def test_the_verdicts_of_single_questions_are_shown_where_dot_lists_them(name: str) -> None:
    first = {"id": "q1", "question": "How many?", "verdict": "Pass", "score": 1}
    second = {"question_id": 2, "text": "Why?", "result": "fail", "reason": "Wrong table."}
    run = EvaluationRun.from_record({**RUN, name: [first, "noise", second, {}]})
    assert run.questions == (
        EvaluationQuestion("q1", "How many?", "pass"),
        EvaluationQuestion("2", "Why?", "fail", "Wrong table."),
        EvaluationQuestion(""),
    )
    assert run.questions[0].raw == first


@pytest.mark.parametrize("questions", [None, 5, {}, "q"])
def test_a_run_without_a_list_of_questions_has_none(questions: Any) -> None:
    assert EvaluationRun.from_record({**RUN, "questions": questions}).questions == ()


def test_a_list_of_ids_does_not_hide_the_list_of_results() -> None:
    run = EvaluationRun.from_record({**RUN, "questions": ["q1"], "results": [{"id": "q1", "verdict": "fail"}]})
    assert run.verdict_of("q1") == "fail"


@pytest.mark.parametrize("name", ["7", "How many?", "Orders", " Orders "])
def test_a_question_goes_by_its_id_its_title_and_its_wording(name: str) -> None:
    record = {"id": 7, "question": "How many?", "name": "Orders", "verdict": "PASS"}
    assert EvaluationRun.from_record({**RUN, "items": [record]}).verdict_of(name) == "pass"


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ({"verdict": "fail", "status": "completed"}, "fail"),
        ({"result": "Error"}, "error"),
        ({"status": "pass"}, "pass"),
        ({"status": "completed"}, None),
        ({"verdict": "pending"}, None),
        ({}, None),
    ],
)
def test_a_questions_verdict_is_what_dot_tells_and_nothing_where_it_tells_none(
    told: dict[str, str], verdict: str | None
) -> None:
    run = EvaluationRun.from_record({**RUN, "cases": [{"id": "q1", **told}]})
    assert run.verdict_of("q1") == verdict


@pytest.mark.parametrize("name", ["", "q2"])
def test_there_is_no_verdict_on_a_question_that_dot_does_not_list(name: str) -> None:
    assert EvaluationRun.from_record({**RUN, "cases": [{"verdict": "pass"}]}).verdict_of(name) is None


def _counted(verdict: str = "fail", **counts: int) -> EvaluationRun:
    summary = {"total": 10, "pass": 9, "fail": 1, **counts}
    return EvaluationRun.from_record({"id": "evr_1", "finished": True, "verdict": verdict, "summary": summary})


@pytest.mark.parametrize(
    ("run", "is_met"),
    [
        (_counted(), True),
        (_counted(fail=0, error=1), False),
        (_counted(fail=0, pending=1), False),
        (_counted(fail=0), False),  # one question has no verdict at all
        (_counted(verdict="error"), False),
        (_counted(total=0, **{"pass": 0, "fail": 0}), False),
        (_counted(**{"pass": 8, "fail": 2}), False),
    ],
)
def test_a_share_is_met_only_where_every_question_was_answered_without_an_error(
    run: EvaluationRun, is_met: bool
) -> None:
    assert run.meets(min_pass_rate=0.9) == is_met
    if is_met:
        assert run.require_pass(min_pass_rate=0.9) is run
    else:
        with pytest.raises(DotEvaluationFailedError):
            run.require_pass(min_pass_rate=0.9)


def test_a_question_that_must_pass_decides_whatever_the_rest_does() -> None:
    questions = [{"id": "q1", "verdict": "pass"}, {"id": "q2", "verdict": "fail"}]
    run = EvaluationRun.from_record({**RUN, "questions": questions})
    assert run.meets(questions=["q1"])
    assert not run.meets(questions=["q1", "q2"])
    with pytest.raises(DotUsageError, match="no question 'q3'; its questions are 'q1', 'q2'"):
        run.meets(questions=["q3"])
