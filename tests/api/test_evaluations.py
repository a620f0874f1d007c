"""A run of an evaluation is read in every shape that Dot has sent."""

from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api import judge
from dot_provider.api.errors import DotEvaluationFailedError, DotUsageError
from dot_provider.api.evaluations import EvaluationQuestion, EvaluationRun, EvaluationTarget, differences, target_of

RUN = {
    "id": "evr_1",
    "status": "completed",
    "finished": True,
    "verdict": "PASS",
    "summary": {"total": 5, "pass": 5, "fail": 0, "error": 0, "pending": 0},
}


def test_a_run_is_read_with_its_counts_and_kept_raw() -> None:
    run = EvaluationRun.from_record(RUN, "eval_7")
    assert (run.id, run.verdict, run.finished, run.ok) == ("evr_1", "pass", True, True)
    assert (run.total, run.passed, run.failed, run.errors, run.pending) == (5, 5, 0, 0, 0)
    assert (run.evaluation_id, run.raw) == ("eval_7", RUN)
    assert run.text == "verdict pass: 5 of 5 questions passed, 0 failed, 0 ended in an error"


@pytest.mark.parametrize("summary", [None, "5 of 5", [], {"total": "five", "pass": None}])
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
        judge(run).require_pass()
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
    assert (judge(run, min_pass_rate=0.9).outcome == "pass") is is_met


def test_a_question_that_must_pass_decides_whatever_the_rest_does() -> None:
    questions = [{"id": "q1", "verdict": "pass"}, {"id": "q2", "verdict": "fail"}]
    run = EvaluationRun.from_record({"id": "evr_1", "status": "completed", "questions": questions})
    assert judge(run, min_pass_rate=0.5, questions=["q1"]).outcome == "pass"
    assert judge(run, min_pass_rate=0.5, questions=["q1", "q2"]).outcome == "fail"
    with pytest.raises(DotUsageError, match="'nope' is no question of evaluation run evr_1; there are 'q1', 'q2'"):
        judge(run, questions=["nope"])


AUTUMN = {
    "id": "evr_1",
    "status": "completed",
    "target": {"kind": "production"},
    "target_commit": "c" * 40,
    "metadata": {"dot_work": "w"},
    "data": {
        "question_snapshot": [{"id": "q1", "question": "How many?", "expected_answer": 12.5, "answer_type": "number"}],
        "results": {
            "q1": {"verdict": "passed", "expected_answer": 12.5, "observed_answer": "12.5", "url": "https://d/c"}
        },
    },
}


def test_a_run_of_the_newer_contract_is_read_without_finished_and_verdict() -> None:
    run = EvaluationRun.from_record(AUTUMN)
    assert (run.finished, run.verdict, run.total, run.passed) == (True, "pass", 1, 1)
    assert (run.target, run.target_commit, run.metadata) == ({"kind": "production"}, "c" * 40, {"dot_work": "w"})
    assert run.questions == (EvaluationQuestion("q1", "", "pass", "", "12.5", "12.5", "https://d/c"),)
    assert run.snapshot is not None
    assert differences([{"id": "q1", "question": "How many?", "expected_answer": "12.50"}], run.snapshot) == []


@pytest.mark.parametrize(
    ("status", "finished"),
    [("completed", True), ("cancelled", True), ("errored", True), ("running", False), ("brewing", False)],
)
def test_a_status_ends_a_run_where_nothing_else_does(status: str, finished: bool) -> None:
    assert EvaluationRun.from_record({"id": "evr_1", "status": status}).finished is finished


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [(["pass"], "pass"), (["pass", "fail"], "fail"), (["fail", "error"], "error"), (["odd"], "error"), ([], "error")],
)
def test_a_verdict_that_dot_does_not_tell_follows_from_the_results(verdicts: list[str], verdict: str) -> None:
    results = [{"id": f"q{place}", "verdict": word} for place, word in enumerate(verdicts)]
    assert EvaluationRun.from_record({"id": "evr_1", "status": "completed", "results": results}).verdict == verdict


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ({"id": "q1", "question": "How many?", "expected_answer": 12.5, "answer_type": "number"}, 0),
        ({"id": "q1", "question": "How many?", "expected_answer": 13}, 1),
        ({"id": "q1", "question": "How much?", "expected_answer": "13"}, 2),
        ({"id": "q2"}, 2),
    ],
)
def test_a_snapshot_is_compared_by_what_was_sent(shown: dict[str, Any], told: int) -> None:
    sent = {"id": "q1", "question": "How many?", "expected_answer": "12.50"}
    assert len(differences([sent], [shown])) == told


def test_a_target_is_production_or_an_environment() -> None:
    assert target_of(None) == target_of("production") == {"kind": "production"}
    assert target_of("env_1") == {"kind": "environment", "environment_id": "env_1"}
    with pytest.raises(DotUsageError, match="target_environment"):
        target_of("")
    read = EvaluationTarget.from_record({"target": {"kind": "production"}, "target_label": "P", "target_commit": "c"})
    assert (read.target, read.label, read.commit) == ({"kind": "production"}, "P", "c")
