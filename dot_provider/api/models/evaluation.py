"""Evaluation runs: a set of questions that Dot answers and judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dot_provider.api.errors import DotEvaluationFailedError, DotUsageError
from dot_provider.api.models.records import Record, count_of, list_of, record_of, text_of

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
