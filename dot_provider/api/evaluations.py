"""Evaluations: what a run says, starting one or attaching to the active one, and waiting for its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dot_provider.api._core.call import Call, Flow, pause, progress, send
from dot_provider.api._core.call import now as time_now
from dot_provider.api.arguments import Seconds, api_path
from dot_provider.api.errors import (
    DotConflictError,
    DotEvaluationFailedError,
    DotNotFoundError,
    DotProtocolError,
    DotTimeoutError,
    DotTransientError,
    DotUsageError,
)
from dot_provider.api.records import Record, count_of, list_of, record_of, text_of
from dot_provider.api.wait import PollFailures, wait_limits

VERDICTS = ("pass", "fail", "error")
"""The words that end a run; a run or question without one of them is ``pending``."""

_QUESTION_LISTS = ("questions", "results", "question_results", "items", "cases")
_QUESTION_NAMES = ("id", "question_id", "name", "question", "text", "title")


@dataclass(frozen=True)
class EvaluationQuestion:
    """One question of a run and how Dot's answer to it was judged; ``reason`` where Dot gives one."""

    id: str
    question: str = ""
    verdict: str = "pending"
    reason: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> EvaluationQuestion:
        """Read a question; its shape is not documented, so every part may be missing."""
        status = text_of(record, "status").lower()  # may also tell how far Dot has come with the question
        verdict = text_of(record, "verdict", "result").lower() or (status if status in VERDICTS else "pending")
        return cls(
            id=text_of(record, "id", "question_id"),
            question=text_of(record, "question", "text", "title", "name"),
            verdict=verdict,
            reason=text_of(record, "reason", "explanation", "error", "message"),
            raw=record,
        )

    def is_called(self, name: str) -> bool:
        """Tell whether ``name`` is the question's id, title or wording."""
        names = [self.id, self.question, *(text_of(self.raw, field) for field in _QUESTION_NAMES)]
        return name.strip() in {text.strip() for text in names} - {""}


@dataclass(frozen=True)
class EvaluationRun:
    """One run of an evaluation, as ``GET /evaluation_runs/{run_id}`` shows it.

    ``verdict`` is pass, fail, error or pending; only ``pass`` is a pass, and ``error`` is no score of 0 %. The counts
    are of questions. ``questions`` holds the single verdicts where Dot lists them.
    """

    id: str
    status: str = ""
    finished: bool = False
    verdict: str = "pending"
    total: int = 0
    passed: int = 0
    failed: int = 0
    errors: int = 0
    pending: int = 0
    evaluation_id: str = ""
    questions: tuple[EvaluationQuestion, ...] = ()
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record, evaluation_id: str = "") -> EvaluationRun:
        """Read a run; ``id`` is required, everything else may be missing.

        Raises:
            KeyError: there is no ``id``.
        """
        run_id, counts = text_of(record, "id"), record_of(record, "summary")
        verdict = text_of(record, "verdict").lower() or "pending"
        told = record.get("finished")
        if not run_id:
            raise KeyError("id")
        return cls(
            id=run_id,
            status=text_of(record, "status"),
            finished=verdict in VERDICTS if told is None else str(told).lower() in ("true", "1"),
            verdict=verdict,
            total=count_of(counts, "total"),
            passed=count_of(counts, "pass"),
            failed=count_of(counts, "fail"),
            errors=count_of(counts, "error"),
            pending=count_of(counts, "pending"),
            evaluation_id=text_of(record, "evaluation_id") or evaluation_id,
            questions=_questions_of(record),
            raw=record,
        )

    @property
    def ok(self) -> bool:
        """True where the run has finished with the verdict ``pass``."""
        return self.finished and self.verdict == "pass"

    @property
    def text(self) -> str:
        """One line for logs: verdict and counts."""
        unanswered = self.total - self.passed - self.failed - self.errors
        return (
            f"verdict {self.verdict}: {self.passed} of {self.total} questions passed, {self.failed} failed, "
            f"{self.errors} ended in an error" + (f", {unanswered} have no answer" if unanswered > 0 else "")
        )

    def verdict_of(self, question: str) -> str | None:
        """Return the verdict on a single question, by its id, title or wording; None where Dot tells none."""
        found = next((one for one in self.questions if one.is_called(question)), None)
        return None if found is None or found.verdict == "pending" else found.verdict

    @property
    def pass_rate(self) -> float:
        """Share of the questions that passed, 0 to 1; 0 where there is none."""
        return self.passed / self.total if self.total else 0.0

    def meets(self, min_pass_rate: float | None = None, questions: Sequence[str] = ()) -> bool:
        """Tell whether the run passes a gate: Dot's verdict, or a share of its questions.

        Args:
            min_pass_rate: share of the questions (0 to 1) that must have passed, instead of Dot's verdict. A question
                that ended in an error or has no answer fails the run, whatever the share.
            questions: ids, titles or wordings of questions that must have passed, where Dot tells single verdicts.

        Raises:
            DotUsageError: Dot tells single verdicts, and none of a question that is called so.
        """
        if self.questions and {self.question(name).verdict for name in questions} - {"pass"}:
            return False
        if min_pass_rate is None:
            return self.ok
        answered = self.passed + self.failed
        return (
            self.finished
            and self.verdict != "error"
            and 0 < self.total <= answered
            and not (self.errors or self.pending or self.pass_rate < min_pass_rate)
        )

    def question(self, name: str) -> EvaluationQuestion:
        """Return the question that has this id, title or wording.

        Raises:
            DotUsageError: there is none.
        """
        found = next((one for one in self.questions if one.is_called(name)), None)
        if found is None:
            known = ", ".join(repr(one.question or one.id) for one in self.questions[:20])
            raise DotUsageError(f"Evaluation run {self.id} has no question {name!r}; its questions are {known}.")
        return found

    def require_pass(self, min_pass_rate: float | None = None, questions: Sequence[str] = ()) -> EvaluationRun:
        """Return the run where it passed; the arguments are those of ``meets``.

        Raises:
            DotEvaluationFailedError: it did not; ``run`` holds it.
        """
        if not self.meets(min_pass_rate, questions):
            raise DotEvaluationFailedError(f"Evaluation run {self.id} did not pass: {self.text}.", run=self)
        return self


def _questions_of(record: Record) -> tuple[EvaluationQuestion, ...]:
    """Return the questions of the first list that holds any; others may hold their ids alone."""
    lists = ([one for one in list_of(record, name) if isinstance(one, Mapping)] for name in _QUESTION_LISTS)
    return tuple(EvaluationQuestion.from_record(one) for one in next(filter(None, lists), ()))


def start_evaluation_run(evaluation_id: str) -> Call[EvaluationRun]:
    """Start a run of an evaluation. ``POST /evaluations/{evaluation_id}/runs``.

    Dot refuses a second run beside an active one with 409, which ends as ``DotConflictError``. That guard is what makes
    a lost response safe to retry: the second try finds the first one's run.
    """
    return Call(
        f"start evaluation {evaluation_id}",
        "POST",
        api_path("evaluations", ("evaluation_id", evaluation_id), "runs"),
        lambda document: EvaluationRun.from_record(document, evaluation_id),
        body={"trigger": "api"},
    )


def evaluation_run(run_id: str, evaluation_id: str = "") -> Call[EvaluationRun]:
    """Return how far an evaluation run has come. ``GET /evaluation_runs/{run_id}``."""
    return Call(
        f"read evaluation run {run_id}",
        "GET",
        api_path("evaluation_runs", ("run_id", run_id)),
        lambda document: EvaluationRun.from_record(document, evaluation_id),
    )


EVALUATION_TIMEOUT = 3600.0
"""Seconds that an evaluation may take unless the caller says otherwise."""

POLL_INTERVAL = 10.0
"""Seconds between two looks at a run."""


def run_evaluation(
    evaluation_id: str, *, timeout: Seconds = EVALUATION_TIMEOUT, poll_interval: Seconds = POLL_INTERVAL
) -> Flow[EvaluationRun]:
    """Run an evaluation and return the finished run, whatever its verdict; ``require_pass()`` of it is the gate.

    ``POST /evaluations/{id}/runs`` and ``GET /evaluation_runs/{id}``. A run that is under way is waited for instead.

    Args:
        evaluation_id: the evaluation's id in Dot.
        timeout: seconds until the wait ends, or a ``timedelta``.
        poll_interval: seconds between two looks, or a ``timedelta``.

    Raises:
        DotTimeoutError: the run did not finish in time; Dot goes on with it.
        DotError: any other failure of a call.
    """
    deadline, poll_interval = yield from wait_limits(timeout, poll_interval)
    run = yield from start_or_attach(evaluation_id)
    return (
        yield from wait_for_evaluation(
            run.id, deadline=deadline, poll_interval=poll_interval, evaluation_id=evaluation_id
        )
    )


def start_or_attach(evaluation_id: str, run_id: str | None = None) -> Flow[EvaluationRun]:
    """Start a run, or return the active one that Dot names in its refusal.

    ``run_id`` is the run that an earlier try of the same work started: it is returned also where it has finished
    meanwhile, of which Dot tells nobody who asks for another.
    """
    if run_id:
        try:
            run = yield from send(evaluation_run(run_id, evaluation_id))
        except DotNotFoundError:
            yield from progress(f"Run {run_id} of evaluation {evaluation_id} is gone: starting another")
        else:
            yield from progress(f"Attached to run {run_id} of evaluation {evaluation_id}, which an earlier try started")
            return run
    try:
        run = yield from send(start_evaluation_run(evaluation_id))
    except DotConflictError as error:
        active = error.payload.get("active_run_id") if isinstance(error.payload, dict) else None
        if not active:
            raise
        yield from progress(f"Attached to the active run {active} of evaluation {evaluation_id}")
        return EvaluationRun(str(active), evaluation_id=evaluation_id)
    yield from progress(f"Started run {run.id} of evaluation {evaluation_id}")
    return run


def wait_for_evaluation(
    run_id: str, *, deadline: float, poll_interval: float = POLL_INTERVAL, evaluation_id: str = ""
) -> Flow[EvaluationRun]:
    """Look at a run until it has finished. Only reads, so it can run anywhere, any number of times.

    ``deadline`` is in seconds since the epoch, the same after every restart.
    """
    failed = PollFailures()
    while True:
        try:
            run = yield from send(evaluation_run(run_id, evaluation_id))
            failed.clear()
            if run.finished:
                yield from progress(f"Evaluation run {run_id} finished with {run.text}")
                return run
            yield from progress(f"Evaluation run {run_id}: {run.total - run.pending} of {run.total} done", event=False)
        except (DotTransientError, DotProtocolError) as error:
            failed.add(error, (yield from time_now()))
        moment = yield from time_now()
        if moment >= deadline:
            raise DotTimeoutError(f"Evaluation run {run_id} has not finished in time. Raise timeout to wait longer.")
        yield from pause(min(poll_interval, deadline - moment))
