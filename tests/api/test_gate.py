"""``judge``: of everything that a run can look like, only a whole and right one passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dot_provider.api import EvaluationSuite, judge
from dot_provider.api.errors import DotEvaluationBrokenError, DotEvaluationFailedError, DotUsageError
from dot_provider.api.evaluations import EvaluationQuestion as Question
from dot_provider.api.evaluations import EvaluationRun, counted

SENT = [
    {"id": "q1", "question": "How many?", "expected_answer": "5"},
    {"id": "q2", "question": "Why?", "expected_answer": "7"},
]
PRODUCTION = {"kind": "production"}


def run_of(*verdicts: str, **fields: Any) -> EvaluationRun:
    """A finished run of the newer contract, whose questions are q1, q2, ..."""
    results = [{"id": f"q{n}", "verdict": word} for n, word in enumerate(verdicts, 1)]
    record = {"id": "evr_1", "status": "completed", "target": PRODUCTION, "results": results, **fields}
    return EvaluationRun.from_record({name: value for name, value in record.items() if value is not None})


WHOLE = run_of("pass", "pass", question_snapshot=SENT)
OLD = {"results": None, "target": None, "finished": True}


@pytest.mark.parametrize(
    "run",
    [
        WHOLE,
        run_of(**OLD, verdict="pass", summary={"total": 5, "pass": 5}),
        run_of("passed", "pass", verdict="passed", summary={"total": 2, "pass": 2}, finished="true"),
    ],
)
def test_a_whole_and_right_run_passes(run: EvaluationRun) -> None:
    gate = judge(run)
    assert (gate.outcome, gate.reasons, gate.pass_rate) == ("pass", (), 1.0)
    assert gate.require_pass() is gate


@pytest.mark.parametrize(
    "run",
    [
        run_of("pass", "pass", status="running"),
        run_of("pass", "pass", error="out of credits"),
        run_of(results=[{"id": "q1", "verdict": "pass"}, {"id": "q2", "verdict": "pass", "passed": False}]),
        run_of(results=[{"id": "q1", "verdict": "pass"}, {"id": "q2", "verdict": "pass", "error": "timeout"}]),
        run_of("pass", "pass", status="brewing"),
        run_of("pass", "pass", status="cancelled"),
        run_of("pass", "pass", status="failed"),
        run_of("pass", "pass", finished=False, verdict="pass"),
        run_of("pass", "error"),
        run_of("pass", "pending"),
        run_of("pass", "who knows"),
        run_of("pass", "fail", verdict="pass"),
        run_of("pass", "pass", verdict="fail"),
        run_of("pass", "pass", verdict="error"),
        run_of("pass", "pass", verdict="unsure"),
        run_of("pass", "pass", verdict=""),
        run_of("pass", "pass", summary={"total": 2, "pass": 1, "fail": 1}),
        run_of("pass", "pass", summary={"total": 3, "pass": 2}),
        run_of("pass", "pass", summary={"total": 1, "pass": 1}),
        run_of(),
        run_of(**OLD, verdict="pass"),
        run_of(**OLD, verdict="pass", summary={"total": 0, "pass": 0}),
        run_of(**OLD, verdict="pass", summary={"total": 5, "pass": 4}),
        run_of("pass", results=[{"id": "q1", "verdict": "pass"}, {"id": "q1", "verdict": "pass"}]),
        run_of("pass", question_snapshot=SENT),
        run_of("pass", "pass", question_snapshot=SENT[:1]),
        run_of(results=[{"id": "q1", "verdict": "pass", "status": "failed"}]),
        run_of("pass", data={"results": [{"id": "q1", "verdict": "fail"}]}),
    ],
)
@pytest.mark.parametrize("share", [None, 0.0])
def test_a_run_that_says_nothing_is_an_error_at_any_rate(run: EvaluationRun, share: float | None) -> None:
    gate = judge(run, min_pass_rate=share)
    assert gate.outcome == "error"
    assert gate.reasons
    with pytest.raises(DotEvaluationBrokenError):
        gate.require_pass()


def test_wrong_answers_fail_below_the_rate_and_pass_from_it_on() -> None:
    run = run_of("pass", "fail")
    assert [judge(run, min_pass_rate=share).outcome for share in (None, 0.51, 0.5, 0.0)] == [
        "fail",
        "fail",
        "pass",
        "pass",
    ]
    with pytest.raises(DotEvaluationFailedError, match="Wrong: q2") as caught:
        judge(run).require_pass()
    assert not isinstance(caught.value, DotEvaluationBrokenError)


@pytest.mark.parametrize("share", [90, -1, "0.9", True])
def test_a_rate_is_a_share(share: Any) -> None:
    with pytest.raises(DotUsageError, match="min_pass_rate"):
        judge(WHOLE, min_pass_rate=share)


@pytest.mark.parametrize(
    "proof",
    [
        {"target": {"kind": "environment", "environment_id": "env_1"}},
        {"target_commit": "c" * 40},
        {"sent": [{**SENT[0], "expected_answer": "6"}, SENT[1]]},
        {"sent": SENT[:1]},
        {"sent": [*SENT, {"id": "q3"}]},
    ],
)
def test_a_run_of_something_else_is_an_error(proof: dict[str, Any]) -> None:
    assert judge(WHOLE, sent=SENT, target=PRODUCTION).outcome == "pass"
    assert judge(WHOLE, **{"sent": SENT, "target": PRODUCTION, **proof}).outcome == "error"


def test_a_dot_that_shows_no_snapshot_is_believed_only_where_none_was_sent() -> None:
    assert judge(run_of("pass", "pass")).outcome == "pass"
    assert judge(run_of("pass", "pass"), sent=SENT).outcome == "error"
    assert judge(run_of(**OLD, verdict="pass", summary={"total": 2, "pass": 2}), sent=SENT).outcome == "error"


def test_questions_of_severity_warn_are_shown_and_not_counted() -> None:
    questions = [{"id": "q1", "question": "How many?", "expected_answer": "5"}]
    questions.append({"id": "q2", "question": "Why?", "expected_answer": "7", "severity": "warn"})
    suite = EvaluationSuite.read({"name": "s", "evaluation_id": "e", "questions": questions})
    gate = judge(run_of("pass", "fail", question_snapshot=SENT), suite=suite)
    assert (gate.outcome, gate.pass_rate, gate.warned) == ("pass", 1.0, ("q2",))
    assert judge(run_of("pass", "error", question_snapshot=SENT), suite=suite).outcome == "error"
    assert judge(run_of("pass", "fail"), warned=["q1", "q2"]).outcome == "error"


def test_a_regression_fails_at_any_rate_and_a_recovery_does_not_mend_it() -> None:
    gate = judge(run_of("pass", "fail"), min_pass_rate=0, baseline=run_of("fail", "pass"))
    assert (gate.outcome, gate.regressions, gate.recoveries) == ("fail", ("q2",), ("q1",))
    assert judge(run_of("pass", "fail"), min_pass_rate=0, baseline=run_of("pass", "fail")).outcome == "pass"
    assert (
        judge(run_of("pass", "fail"), min_pass_rate=0, baseline=run_of("fail", "pass"), warned=["q2"]).outcome == "pass"
    )


def of(definition: str, *verdicts: str) -> EvaluationRun:
    return run_of(*verdicts, metadata={"suite_definition": definition})


@pytest.mark.parametrize(
    ("run", "baseline", "compare", "outcome"),
    [
        (of("a", "pass"), of("a", "pass"), "same", "pass"),
        (of("a", "pass"), of("b", "pass"), "same", "error"),
        (of("a", "pass", "pass"), of("b", "pass"), "common", "pass"),
        (of("a", "fail", "pass"), of("b", "pass"), "common", "fail"),
        (run_of("pass"), run_of("pass", "pass"), "same", "error"),
        (run_of("pass"), run_of("error"), "same", "error"),
        (run_of("pass"), run_of("pass", status="running"), "same", "error"),
        (run_of("pass"), run_of(**OLD, verdict="pass", summary={"total": 2, "pass": 2}), "same", "error"),
        (
            run_of("pass", "pass", question_snapshot=SENT),
            run_of("pass", "pass", question_snapshot=[{**one, "expected_answer": "1"} for one in SENT]),
            "same",
            "pass",
        ),
        (
            run_of("pass", "pass", question_snapshot=SENT),
            run_of("pass", "pass", question_snapshot=[{**one, "question": "Who?"} for one in SENT]),
            "same",
            "error",
        ),
    ],
)
def test_a_baseline_is_a_run_of_the_same_definition(
    run: EvaluationRun, baseline: EvaluationRun, compare: Any, outcome: str
) -> None:
    assert judge(run, min_pass_rate=0, baseline=baseline, compare=compare).outcome == outcome


def test_a_word_for_the_comparison_that_is_none_is_refused() -> None:
    with pytest.raises(DotUsageError, match="compare"):
        judge(WHOLE, compare="all")  # type: ignore[arg-type]


def test_flaky_questions_pass_and_are_named() -> None:
    assert "Flaky: q2." in judge(EvaluationRun("evr_1", "completed", True, "pass", 2, 2, flaky=("q2",))).summary


WORDS = st.sampled_from(["pass", "fail"])


@settings(max_examples=500)
@given(
    st.lists(WORDS, max_size=8), st.sampled_from(["error", "pending", "odd", ""]), st.floats(0, 1), st.integers(0, 8)
)
def test_no_rate_softens_an_error(verdicts: list[str], bad: str, share: float, place: int) -> None:
    verdicts.insert(place, bad)
    assert judge(run_of(*verdicts), min_pass_rate=share).outcome == "error"
    questions = tuple(Question(f"q{n}", verdict=word or "pending") for n, word in enumerate(verdicts))
    counts = counted(questions)
    claimed = EvaluationRun("evr_1", "completed", True, "pass", counts["total"], counts["total"], questions=questions)
    assert judge(claimed, min_pass_rate=share).outcome == "error"


def test_a_question_that_must_pass_does_where_dot_tells_the_whole_only_if_all_passed() -> None:
    partly = run_of(**OLD, verdict="fail", summary={"total": 5, "pass": 3, "fail": 2})
    assert judge(partly, min_pass_rate=0.5).outcome == "pass"
    assert judge(partly, min_pass_rate=0.5, questions=["nope"]).outcome == "fail"
    whole = run_of(**OLD, verdict="pass", summary={"total": 5, "pass": 5})
    assert judge(whole, questions=["nope"]).outcome == "pass"


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [("5", "pass"), ("5.00", "pass"), ("five", "pass"), (5.0, "pass"), ("6", "error"), (4, "error")],
)
def test_what_dot_graded_by_is_what_was_sent(shown: Any, outcome: str) -> None:
    results = [{"id": "q1", "verdict": "pass", "expected": shown, "observed": shown}, {"id": "q2", "verdict": "pass"}]
    assert judge(run_of(results=results, question_snapshot=SENT), sent=SENT).outcome == outcome


@pytest.mark.parametrize(("shown", "outcome"), [(None, "pass"), (3, "pass"), (0, "pass"), (50, "error")])
def test_a_tolerance_that_was_not_sent_is_dots_own(shown: Any, outcome: str) -> None:
    snapshot = [{**one, "tolerance_pct": shown} for one in SENT]
    assert judge(run_of("pass", "pass", question_snapshot=snapshot), sent=SENT).outcome == outcome


@pytest.mark.parametrize("counts", [{"total": "2", "pass": "2"}, {"total": 2.0, "pass": 2.0}])
def test_counts_may_be_written_in_other_ways(counts: dict[str, Any]) -> None:
    assert judge(run_of("pass", "pass", summary=counts)).outcome == "pass"


STAGING = {"kind": "environment", "environment_id": "env_7"}


@pytest.mark.parametrize(
    ("shown", "proven_for"),
    [
        ({"target": PRODUCTION}, PRODUCTION),
        ({"target": {**PRODUCTION, "environment_id": None}}, PRODUCTION),
        ({"target": {**PRODUCTION, "environment_id": "env_7"}}, None),
        ({"target": STAGING}, STAGING),
        ({"target": {"environment_id": "env_7"}}, STAGING),
        ({"target": {"kind": "Production"}}, PRODUCTION),
        ({"target": {"kind": "branch", "environment_id": "env_7"}}, None),
        ({"target": "env_7"}, STAGING),
        ({"target": "production"}, PRODUCTION),
        ({"target": None, "target_environment_id": "env_7"}, STAGING),
        ({"target": None}, PRODUCTION),
        ({"target": None, "data": {"target": STAGING}}, STAGING),
    ],
)
def test_a_run_proves_what_it_tested(shown: dict[str, Any], proven_for: dict[str, str] | None) -> None:
    for target in (PRODUCTION, STAGING):
        assert (judge(run_of("pass", **shown), target=target).outcome == "pass") is (target == proven_for)


def test_a_result_with_an_id_of_its_own_is_that_of_its_question() -> None:
    results = [{"id": f"res_{one['id']}", "question_id": one["id"], "verdict": "pass"} for one in SENT]
    assert judge(run_of(results=results, question_snapshot=SENT), sent=SENT).outcome == "pass"
