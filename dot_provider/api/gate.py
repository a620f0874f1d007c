"""The gate: what a finished evaluation run means for the pipeline behind it, and the run that it is compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dot_provider.api._core.call import Flow, progress, send
from dot_provider.api.arguments import checked_share
from dot_provider.api.errors import (
    DotEvaluationBrokenError,
    DotEvaluationFailedError,
    DotNotFoundError,
    DotUsageError,
)
from dot_provider.api.evaluations import (
    BROKEN,
    PENDING,
    VERDICTS,
    EvaluationRun,
    counted,
    differences,
    evaluation_run,
    is_other_number,
    same_target,
)
from dot_provider.api.records import Record, record_of, text_of

if TYPE_CHECKING:
    from dot_provider.evaluations.suite import EvaluationSuite

Outcome = Literal["pass", "fail", "error"]
Compare = Literal["same", "common"]

DEFINITION = "suite_definition"
"""The run's metadata that tells which definition, without numbers, was run."""

WORK = "dot_work"
"""The run's metadata that tells whose work it is."""

_MANY = 5


@dataclass(frozen=True)
class Gate:
    """What a run means: ``pass``, ``fail`` (Dot answers wrong) or ``error`` (the run says nothing about the answers).

    ``reasons`` are sentences, none for a pass. ``pass_rate`` is the share, 0 to 1, of the questions that count. The
    others are ids of questions: ``regressions`` passed in the baseline and fail now, ``recoveries`` the other way
    round, ``flaky`` passed only when asked again, ``warned`` fail and do not count.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    pass_rate: float
    run: EvaluationRun
    regressions: tuple[str, ...] = ()
    recoveries: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line for logs: the outcome, the rate, and why."""
        why = f": {' '.join(self.reasons)}" if self.reasons else "."
        notes = [f"{word} {', '.join(ids)}." for word, ids in (("Flaky:", self.flaky), ("Warned:", self.warned)) if ids]
        return " ".join([f"{self.outcome}, {self.pass_rate:.1%} of {self.run.total} questions right{why}", *notes])

    def require_pass(self) -> Gate:
        """Return the gate where it is open.

        Raises:
            DotEvaluationFailedError: Dot answers wrong; ``run`` holds the run.
            DotEvaluationBrokenError: the run says nothing about the answers.
        """
        if self.outcome == "pass":
            return self
        kind = DotEvaluationBrokenError if self.outcome == "error" else DotEvaluationFailedError
        message = f"Evaluation run {self.run.id} did not pass: {self.run.text}. {' '.join(self.reasons)}"
        raise kind(message, run=self.run, chat_url=self.run.url or None)


def judge(
    run: EvaluationRun,
    suite: EvaluationSuite | None = None,
    min_pass_rate: float | None = None,
    baseline: EvaluationRun | None = None,
    target_commit: str | None = None,
    *,
    target: Record | None = None,
    sent: Sequence[Record] | None = None,
    questions: Sequence[str] = (),
    warned: Sequence[str] = (),
    compare: Compare = "same",
) -> Gate:
    """Judge a finished run. Pure: nothing is read, sent or remembered.

    ``error`` is never softened by a rate: a run that is not finished, broke down, tested something else than was asked
    for, contradicts itself, graded nothing, or has a single question without a verdict says nothing about the answers.

    Args:
        run: the run, as ``run_evaluation`` or ``evaluation_run`` returns it.
        suite: the suite that was sent: its questions must be those that were graded, and those of severity ``warn``
            are not counted.
        min_pass_rate: share of the questions (0 to 1) that must have passed; all of them without it.
        baseline: an earlier run of the same definition; what passed there must pass now, whatever the rate.
        target_commit: commit of the target that must have been tested.
        target: the target that must have been tested, as ``target_of`` makes it.
        sent: the questions that were sent, instead of the suite's.
        questions: ids, titles or wordings of questions that must have passed; all must where Dot tells
            no single verdicts.
        warned: ids of questions that are not counted, instead of the suite's.
        compare: ``common`` to compare only the questions that the baseline has too.

    Raises:
        DotUsageError: an argument is wrong, or the run has no question that is called so.
    """
    share = checked_share("min_pass_rate", min_pass_rate)
    if suite is not None:
        sent, warned = suite.to_payload() if sent is None else sent, [*warned, *suite.warned]
    if run.questions:
        missed = [one.question or one.id for one in map(run.question, questions) if one.verdict != "pass"]
    else:  # a Dot that tells the whole only: which of them passed is known where all did
        missed = [*questions] if run.passed < run.total else []
    reasons = [*_unusable(run), *unproven(run, sent, target, target_commit), *_contradictions(run, sent)]
    of_baseline, wrong = _baseline(run, baseline, compare)
    reasons += wrong
    light = {one.id for one in run.questions if one.id in {*warned} and one.verdict in ("pass", "fail")}
    counting = [one for one in run.questions if one.id not in light]
    facts = counted(counting) if light else {"total": run.total, "pass": run.passed}
    rate = facts["pass"] / facts["total"] if facts["total"] else 0.0
    if light and not counting and not reasons:
        reasons = ["No question counts: all have severity warn."]
    failing = {one.id for one in run.questions if one.verdict == "fail"}
    gate = Gate(
        "error" if reasons else "pass",
        tuple(reasons),
        rate,
        run,
        regressions=tuple(sorted(name for name in failing - light if of_baseline.get(name) == "pass")),
        recoveries=tuple(
            one.id for one in run.questions if one.verdict == "pass" and of_baseline.get(one.id) == "fail"
        ),
        flaky=run.flaky,
        warned=tuple(sorted(failing & light)),
    )
    return gate if reasons else _graded(gate, 1.0 if share is None else share, missed)


def _graded(gate: Gate, share: float, missed: Sequence[str]) -> Gate:
    """Return the gate of a usable run: failed for a regression, too low a rate, or a question that must pass."""
    reasons = []
    if gate.regressions:
        reasons.append(f"Passed in the baseline and wrong now: {_some(gate.regressions)}.")
    if gate.pass_rate < share:
        wrong = [one.id for one in gate.run.questions if one.verdict == "fail" and one.id not in gate.warned]
        named = f" Wrong: {_some(wrong)}." if wrong else ""
        reasons.append(f"{gate.pass_rate:.1%} of the questions are right, {share:.1%} must be.{named}")
    if missed:
        reasons.append(f"Must be right and is not: {_some(missed)}.")
    if not reasons:
        return gate
    return replace(gate, outcome="fail", reasons=tuple(reasons))


def _unusable(run: EvaluationRun) -> list[str]:
    """Return why a run says nothing about the answers, whatever was sent."""
    if not run.finished:
        return [f"The run has not finished (status {run.status or 'unknown'!r})."]
    told = [f"The run ended as {run.status!r}."] if run.status in BROKEN else []
    told += [f"The run tells of an error: {said[:200]}"] if (said := text_of(run.raw, "error")) else []
    if run.verdict not in ("pass", "fail"):
        told.append(f"The run's verdict is {run.verdict!r}.")
    if run.total < 1:
        told.append("The run graded no question.")
    broken = [one.id or one.question for one in run.questions if one.verdict == "error"]
    if run.errors or broken:
        told.append(
            f"{run.errors or len(broken)} questions could not be evaluated: {_some(broken) or 'Dot names none'}."
        )
    open_ = [one.id or one.question for one in run.questions if one.verdict in PENDING]
    if run.pending or open_ or run.total > run.passed + run.failed + run.errors:
        left = max(run.pending, len(open_), run.total - run.passed - run.failed - run.errors)
        told.append(f"{left} questions have no verdict: {_some(open_) or 'Dot names none'}.")
    return told


def unproven(
    run: EvaluationRun, sent: Sequence[Record] | None, target: Record | None, target_commit: str | None
) -> list[str]:
    """Return in what the run shows something else than was asked for."""
    told = []
    if target is not None and run.target is None and "environment_id" in target:
        told.append(
            f"The run does not show what it tested, and {_named(target)} was asked for: this Dot may have tested "
            "production."
        )
    elif target is not None and run.target is not None and not same_target(run.target, target):
        told.append(f"The run tested {_named(run.target)}, and {_named(target)} was asked for.")
    if target_commit and run.target_commit != target_commit:
        told.append(f"The run tested commit {run.target_commit or 'unknown'}, and {target_commit} was asked for.")
    if sent is not None and run.snapshot is None:
        told.append("The run does not show by which questions it was graded: this Dot may have ignored those sent.")
    elif sent is not None and run.snapshot is not None:
        wrong = differences(sent, run.snapshot)
        told += [f"The run was graded by other questions than were sent: {_some(wrong)}."] if wrong else []
    return told


def _contradictions(run: EvaluationRun, sent: Sequence[Record] | None) -> list[str]:
    """Return in what the run contradicts itself, sentence by sentence."""
    told = []
    if run.finished and run.verdict == "pass" and run.failed + run.errors + run.pending:
        told.append(f"The run's verdict is pass beside {run.failed + run.errors + run.pending} questions that did not.")
    if run.finished and run.verdict == "fail" and 0 < run.total <= run.passed:
        told.append("The run's verdict is fail, and all of its questions passed.")
    if run.questions:
        listed, summed = counted(run.questions), _summary(run)
        more = any(listed[word] > summed[word] for word in ("total", *VERDICTS))  # Dot may list a part of them only
        if more or (listed["total"] == summed["total"] and listed != summed):
            told.append("The run's summary is not the sum of its questions.")
        ids = Counter(one.id for one in run.questions if one.id)
        if twice := sorted(name for name, times in ids.items() if times > 1):
            told.append(f"The run has two results of one question: {_some(twice)}.")
        asked = {text_of(one, "id"): one.get("expected_answer") for one in (sent or run.snapshot or ())}
        if asked and (absent := sorted(asked.keys() - ids.keys())):
            told.append(f"The run has no result of {_some(absent)}.")
        if other := [one.id for one in run.questions if is_other_number(one.expected, asked.get(one.id, ""))]:
            told.append(f"The run shows another expected answer than was sent: {_some(other)}.")
        if asked and (alien := sorted(ids.keys() - asked.keys())):
            told.append(f"The run has results of questions that were not asked: {_some(alien)}.")
    elif sent is not None and run.finished:
        told.append("The run shows no result of a single question.")
    return told


def _summary(run: EvaluationRun) -> dict[str, int]:
    counts = {"pass": run.passed, "fail": run.failed, "error": run.errors, "pending": run.pending}
    return {"total": run.total, **counts}


def _baseline(
    run: EvaluationRun, baseline: EvaluationRun | None, compare: Compare
) -> tuple[Mapping[str, str], list[str]]:
    """Return the verdicts of the baseline by id, and why it cannot be one."""
    if compare not in ("same", "common"):
        raise DotUsageError(f"compare must be same or common, not {compare!r}.")
    if baseline is None:
        return {}, []
    verdicts = {one.id: one.verdict for one in baseline.questions}
    if unusable := _unusable(baseline):
        return {}, [f"The baseline {baseline.id} cannot be one: {' '.join(unusable)}"]
    if not verdicts or not run.questions:
        return {}, [f"The baseline {baseline.id} cannot be compared: Dot does not list the questions of both runs."]
    if compare == "common":
        return verdicts, []
    return verdicts, [] if _same_definition(run, baseline) else [
        f"The baseline {baseline.id} is a run of another definition: choose another one, or compare='common'."
    ]


def baseline_run(passed: Iterable[str]) -> Flow[EvaluationRun | None]:
    """Return the first of these runs that Dot still has; None where there is no run to compare with.

    Raises:
        DotUsageError: there were runs, and Dot has none of them: a gate must not open because its baseline is gone.
    """
    gone = []
    for run_id in passed:
        try:
            return (yield from send(evaluation_run(run_id)))
        except DotNotFoundError:
            gone.append(run_id)
    if gone:
        raise DotUsageError(
            f"The runs that passed before are gone in Dot ({', '.join(gone[:5])}), so that nothing can be compared: "
            "name another run as the baseline, or take the baseline out for one run."
        )
    yield from progress("No run has passed so far: there is nothing to compare with.")
    return None


def _same_definition(run: EvaluationRun, baseline: EvaluationRun) -> bool:
    ours, theirs = (text_of(one.metadata or {}, DEFINITION) for one in (run, baseline))
    if ours and theirs:
        return ours == theirs
    if run.snapshot is not None and baseline.snapshot is not None:
        return not differences(run.snapshot, baseline.snapshot, without=("expected_answer", "source"))
    return {one.id for one in run.questions} == {one.id for one in baseline.questions}


def _named(target: Record) -> str:
    inner = record_of(target, "target") or target
    return text_of(inner, "environment_id", "kind") or "an unknown target"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more
