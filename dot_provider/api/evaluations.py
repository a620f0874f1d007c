"""Evaluations: what a run says, in both contracts of Dot's; the calls on it, and the wait for its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from dot_provider.api._core.call import Call, Flow, pause, progress, send
from dot_provider.api._core.call import now as time_now
from dot_provider.api.arguments import api_path, checked_id, hint_at
from dot_provider.api.errors import DotProtocolError, DotTimeoutError, DotTransientError, DotUsageError
from dot_provider.api.records import Record, Reply, count_of, number_of, record_of, text_of
from dot_provider.api.wait import PollFailures

VERDICTS = ("pass", "fail", "error")
"""The words that end a run; a run or question without one of them is ``pending``."""

PENDING = ("", "pending", "running", "queued", "in_progress", "started", "created")
CANCELLED = ("cancelled", "canceled")
BROKEN = ("failed", "error", "errored", "expired", "timed_out", *CANCELLED)
ENDED = ("completed", "complete", "finished", *BROKEN)
"""Words of ``status`` that end a run where ``finished`` is missing; ``completed`` does not mean passed."""

DEFAULT_TOLERANCE = 3
"""Per cent that Dot allows where a question says nothing."""

PRODUCTION = "production"
"""What ``target_environment`` is called that is no environment."""

_QUESTION_LISTS = ("questions", "results", "question_results", "items", "cases")
_GRADED = ("id", "question", "expected_answer")
_QUESTION_NAMES = ("id", "question_id", "name", "question", "text", "title")
_SAME_VERDICT = {"passed": "pass", "failed": "fail"}


@dataclass(frozen=True)
class EvaluationQuestion:
    """One question of a run and how Dot's answer to it was judged.

    ``reason``, ``expected``, ``observed`` (as texts, because numbers lose digits) and ``url``, the conversation, where
    Dot gives them. ``verdict`` is pass, fail, error or pending; a word that nobody knows is an error.
    """

    id: str
    question: str = ""
    verdict: str = "pending"
    reason: str = ""
    expected: str = ""
    observed: str = ""
    url: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> EvaluationQuestion:
        """Read a question; its shape is not documented, so every part may be missing."""
        verdict, status = (_word(text_of(record, *names)) for names in (("verdict", "result"), ("status",)))
        if verdict in PENDING:  # the status may also tell how far Dot has come with the question
            verdict = status if status in VERDICTS else "error" if status in BROKEN else "pending"
        elif verdict == "pass" and (
            status in ("fail", *BROKEN) or record.get("passed") is False or text_of(record, "error")
        ):
            verdict = "error"
        return cls(
            id=text_of(record, "question_id", "id"),  # a result may have an id of its own
            question=text_of(record, "question", "text", "title", "name"),
            verdict=verdict if verdict in (*VERDICTS, "pending") else "error",
            reason=text_of(record, "reason", "explanation", "error", "message"),
            expected=text_of(record, "expected", "expected_answer", "expected_value"),
            observed=text_of(record, "observed", "observed_answer", "observed_value", "actual", "actual_answer"),
            url=text_of(record, "url", "dot_url", "chat_url", "conversation_url", "link"),
            raw=record,
        )

    def is_called(self, name: str) -> bool:
        """Tell whether ``name`` is the question's id, title or wording."""
        names = [self.id, self.question, *(text_of(self.raw, field) for field in _QUESTION_NAMES)]
        return name.strip() in {text.strip() for text in names} - {""}


@dataclass(frozen=True)
class EvaluationRun:
    """One run of an evaluation, as ``GET /evaluation_runs/{run_id}`` shows it.

    ``verdict`` is pass, fail, error or pending; only ``pass`` is a pass, and ``error`` is no score of 0 %. Where Dot
    shows none, it follows from the results. The counts are of questions. ``questions`` holds the single verdicts where
    Dot lists them; ``target``, ``target_commit``, ``snapshot`` (the questions as they were graded) and ``metadata`` are
    None where it does not show them. ``flaky`` are the ids of questions that passed only when asked again.
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
    url: str = ""
    target: Record | None = None
    target_commit: str = ""
    snapshot: tuple[Record, ...] | None = None
    metadata: Record | None = None
    flaky: tuple[str, ...] = ()
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record, evaluation_id: str = "") -> EvaluationRun:
        """Read a run; ``id`` is required, everything else may be missing.

        Raises:
            KeyError: there is no ``id``.
        """
        record = {**record_of(record, "run"), **record} if "id" not in record else record
        run_id, parts = text_of(record, "id"), (record, record_of(record, "data"))
        if not run_id:
            raise KeyError("id")
        questions = _questions(parts)
        counts: Record = next(filter(None, (record_of(part, "summary") for part in parts)), counted(questions))
        status, told = text_of(record, "status").strip().lower(), record.get("finished")
        verdict = _word(text_of(record, "verdict")) or "pending"
        by_status = status in ENDED if status else verdict in VERDICTS
        finished = by_status if told is None else str(told).lower() in ("true", "1")
        if finished and record.get("verdict") is None:
            verdict = _verdict_of(status, counts)
        snapshots = (_listed(part, "question_snapshot") for part in parts)
        snapshot = next((found for found in snapshots if found is not None), None)
        return cls(
            id=run_id,
            status=status,
            finished=finished,
            verdict=verdict,
            total=count_of(counts, "total"),
            passed=count_of(counts, "pass"),
            failed=count_of(counts, "fail"),
            errors=count_of(counts, "error"),
            pending=count_of(counts, "pending"),
            evaluation_id=text_of(record, "evaluation_id") or evaluation_id,
            questions=questions,
            url=text_of(record, "url", "run_url", "dot_url"),
            target=next(filter(None, map(_target_shown, parts)), None),
            target_commit=next(filter(None, (text_of(part, "target_commit") for part in parts)), ""),
            snapshot=None if snapshot is None else tuple(snapshot),
            metadata=next((part["metadata"] for part in parts if isinstance(part.get("metadata"), Mapping)), None),
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

    @property
    def pass_rate(self) -> float:
        """Share of the questions that passed, 0 to 1; 0 where there is none."""
        return self.passed / self.total if self.total else 0.0

    def verdict_of(self, question: str) -> str | None:
        """Return the verdict on a single question, by its id, title or wording; None where Dot tells none."""
        found = next((one for one in self.questions if one.is_called(question)), None)
        return None if found is None or found.verdict == "pending" else found.verdict

    def question(self, name: str) -> EvaluationQuestion:
        """Return the question that has this id, title or wording.

        Raises:
            DotUsageError: there is none.
        """
        found = next((one for one in self.questions if one.is_called(name)), None)
        if found is None:
            hint = hint_at(repr(name), [repr(one.question or one.id) for one in self.questions[:20]], "there are")
            raise DotUsageError(f"questions: {name!r} is no question of evaluation run {self.id}; {hint}")
        return found


def counted(questions: Sequence[EvaluationQuestion]) -> dict[str, int]:
    """Return the summary that follows from single verdicts."""
    verdicts = [one.verdict for one in questions]
    return {"total": len(verdicts), **{word: verdicts.count(word) for word in (*VERDICTS, "pending")}}


def differences(sent: Sequence[Record], shown: Sequence[Record], without: Sequence[str] = ()) -> list[str]:
    """Return how the questions that a run was graded by differ from those that were sent.

    Dot adds types that it infers and writes ``12.50`` as 12.5: compared is what was sent, numbers as numbers. Where no
    tolerance was sent, a larger one than Dot's own is another question.

    Args:
        sent: the questions of the request.
        shown: the run's ``snapshot``.
        without: fields that may differ.
    """
    found = {text_of(one, "id"): one for one in shown}
    told = [f"question {name!r} is missing" for one in sent if (name := text_of(one, "id")) not in found]
    told += [f"question {name!r} was not sent" for name in found.keys() - {text_of(one, "id") for one in sent}]
    for one in sent:
        there = found.get(text_of(one, "id"), one)
        comparable = {name for name in there.keys() - {*without} if name in _GRADED or there[name] is not None}
        names = [name for name in one.keys() & comparable if _plain(one[name]) != _plain(there[name])]
        told += [f"{name} of {one['id']!r} is {str(there[name])[:40]!r}" for name in sorted(names)]
        if "tolerance_pct" not in one and (number_of(there, "tolerance_pct") or 0) > DEFAULT_TOLERANCE:
            told.append(f"tolerance_pct of {one['id']!r} is {there['tolerance_pct']}")
    return told


def target_of(environment: str | None) -> dict[str, str]:
    """Return the ``target`` that stands for an environment; None and ``production`` for production."""
    if environment in (None, PRODUCTION):
        return {"kind": PRODUCTION}
    return {"kind": "environment", "environment_id": checked_id("target_environment", environment)}


def same_target(shown: Record, wanted: Record) -> bool:
    """Tell whether a run's target is the wanted one; Dot may show more than it was sent, but no other environment."""
    kind = text_of(shown, "kind").lower() or ("environment" if text_of(shown, "environment_id") else PRODUCTION)
    return kind == wanted["kind"] and text_of(shown, "environment_id") in (
        wanted.get("environment_id", ""),
        wanted.get("environment_id", PRODUCTION),
    )


def _target_shown(part: Record) -> Record | None:
    """Return the target that a run shows: an object, or the id of an environment under one of three names."""
    if isinstance(part.get("target"), Mapping):
        return record_of(part, "target")
    name = text_of(part, "target", "target_environment_id", "target_environment")
    return target_of(name) if name else None


@dataclass(frozen=True)
class EvaluationTarget:
    """What a run against a target would test: its commit and label, as ``GET /evaluations/target`` shows them."""

    target: Record = field(default_factory=dict)
    label: str = ""
    commit: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> EvaluationTarget:
        """Read a target."""
        return cls(
            record_of(record, "target"), text_of(record, "target_label"), text_of(record, "target_commit"), record
        )


def evaluation_target(environment: str | None = None) -> Call[EvaluationTarget]:
    """Return what a run would test now. ``GET /evaluations/target``; reads only, and costs nothing.

    Args:
        environment: id of the environment; production without one.
    """
    target = target_of(environment).get("environment_id")
    return Call(
        "read the evaluation target",
        "GET",
        api_path("evaluations", "target"),
        EvaluationTarget.from_record,
        query={"environment_id": target} if target else {},
    )


def start_evaluation_run(evaluation_id: str, body: Mapping[str, Any] | None = None) -> Call[EvaluationRun]:
    """Start a run of an evaluation. ``POST /evaluations/{evaluation_id}/runs``.

    Dot refuses a second run beside an active one with 409, which ends as ``DotConflictError``. That guard, and the
    ``idempotency_key`` in the body where it has one, are what makes a lost response safe to retry: the second try finds
    the first one's run.

    Args:
        evaluation_id: the evaluation's id in Dot.
        body: what is to be run beside ``trigger``: ``target``, ``questions``, ``idempotency_key`` and so on.
    """
    return Call(
        f"start evaluation {evaluation_id}",
        "POST",
        api_path("evaluations", ("evaluation_id", evaluation_id), "runs"),
        lambda document: EvaluationRun.from_record(document, evaluation_id),
        body={"trigger": "api", **(body or {})},
        returns_run=True,
    )


def evaluation_run(run_id: str, evaluation_id: str = "") -> Call[EvaluationRun]:
    """Return how far an evaluation run has come. ``GET /evaluation_runs/{run_id}``."""

    def read(document: Record) -> EvaluationRun:
        run = EvaluationRun.from_record(document, evaluation_id)
        if run.id != run_id:
            raise DotProtocolError(f"Dot answered with evaluation run {run.id!r} where {run_id} was asked for.")
        return run

    return Call(f"read evaluation run {run_id}", "GET", api_path("evaluation_runs", ("run_id", run_id)), read)


def cancel_evaluation_run(run_id: str) -> Call[Reply]:
    """Cancel a run, so that its open questions cost nothing. ``POST /evaluation_runs/{run_id}/cancel``."""
    path = api_path("evaluation_runs", ("run_id", run_id), "cancel")
    event = f"Cancelled evaluation run {run_id}"
    return Call(f"cancel evaluation run {run_id}", "POST", path, Reply, returns_run=True, event=event)


POLL_INTERVAL = 10.0
"""Seconds between two looks at a run."""


def wait_for_evaluation(
    run_id: str, *, deadline: float, poll_interval: float = POLL_INTERVAL, evaluation_id: str = ""
) -> Flow[EvaluationRun]:
    """Look at a run until it has finished. Only reads, so it can run anywhere, any number of times.

    ``deadline`` is in seconds since the epoch, the same after every restart.
    """
    failed, status = PollFailures(), ""
    while True:
        try:
            run = yield from send(evaluation_run(run_id, evaluation_id))
            failed.clear()
            if run.finished:
                yield from progress(f"Evaluation run {run_id} finished with {run.text}")
                return run
            status = run.status
            yield from progress(f"Evaluation run {run_id}: {run.total - run.pending} of {run.total} done", event=False)
        except (DotTransientError, DotProtocolError) as error:
            failed.add(error, (yield from time_now()))
        moment = yield from time_now()
        if moment >= deadline:
            odd = f" Its status is {status!r}, which is not known here." if status not in (*PENDING, *ENDED) else ""
            raise DotTimeoutError(
                f"Evaluation run {run_id} has not finished in time.{odd} Raise timeout to wait longer."
            )
        yield from pause(min(poll_interval, deadline - moment))


def _word(text: str) -> str:
    return _SAME_VERDICT.get(text.strip().lower(), text.strip().lower())


def _verdict_of(status: str, counts: Record) -> str:
    if status in BROKEN or count_of(counts, "error") or count_of(counts, "pending") or not count_of(counts, "total"):
        return "error"
    return "fail" if count_of(counts, "fail") else "pass"


def _listed(part: Record, name: str) -> list[Record] | None:
    """Return the records of a list, or of a mapping from ids; None where there is neither."""
    held = part.get(name)
    if isinstance(held, Mapping):
        if isinstance(held.get("questions"), list):
            held = held["questions"]
        else:
            return [{"id": key, **one} for key, one in held.items() if isinstance(one, Mapping)]
    return [one for one in held if isinstance(one, Mapping)] if isinstance(held, list) else None


def _questions(parts: Sequence[Record]) -> tuple[EvaluationQuestion, ...]:
    """Return the questions of the first list that judges any; others may hold their ids alone, or no verdicts.

    A question of which another list says something else is an error.
    """
    held = [_listed(part, name) or [] for part in parts for name in _QUESTION_LISTS]
    lists = [[EvaluationQuestion.from_record(one) for one in found] for found in held]
    judged = [found for found in lists if any(one.raw.keys() & {"verdict", "result", "status"} for one in found)]
    told = {(one.id, one.verdict) for found in judged for one in found if one.id and one.verdict in VERDICTS}
    two = {name for name, times in Counter(name for name, _ in told).items() if times > 1}
    first = next(iter(judged), next(filter(None, lists), []))
    return tuple(replace(one, verdict="error") if one.id in two else one for one in first)


def _plain(value: Any) -> Any:
    """Return a value for comparison: a number, whether Dot writes it as one or as text, else trimmed text."""
    text = "" if value is None else str(value).strip()
    try:
        number = Decimal(text.strip("%$€£¥ "))
    except InvalidOperation:
        return text.removesuffix("T00:00:00")
    if not number.is_finite():
        return text
    is_whole = number == number.to_integral_value()
    return number.normalize() if is_whole else float(number)  # a fraction may have passed through a JSON number
