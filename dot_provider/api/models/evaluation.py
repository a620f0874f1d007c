"""Evaluation runs: a set of questions that Dot answers and judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dot_provider.api.errors import DotEvaluationFailedError
from dot_provider.api.models.records import Record, count_of, list_of, record_of, text_of

VERDICTS = ("pass", "fail", "error")
"""The words that end a run; a run or question without one of them is ``pending``."""


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
        return cls(
            id=text_of(record, "id", "question_id"),
            question=text_of(record, "question", "text", "title", "name"),
            verdict=text_of(record, "verdict", "result").lower() or "pending",
            reason=text_of(record, "reason", "explanation", "error", "message"),
            raw=record,
        )


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
        if not run_id:
            raise KeyError("id")
        questions = list_of(record, "questions", "results", "question_results")
        return cls(
            id=run_id,
            status=text_of(record, "status"),
            finished=bool(record.get("finished", verdict in VERDICTS)),
            verdict=verdict,
            total=count_of(counts, "total"),
            passed=count_of(counts, "pass"),
            failed=count_of(counts, "fail"),
            errors=count_of(counts, "error"),
            pending=count_of(counts, "pending"),
            evaluation_id=text_of(record, "evaluation_id") or evaluation_id,
            questions=tuple(EvaluationQuestion.from_record(q) for q in questions if isinstance(q, Mapping)),
            raw=record,
        )

    @property
    def ok(self) -> bool:
        """True where the run has finished with the verdict ``pass``."""
        return self.finished and self.verdict == "pass"

    @property
    def text(self) -> str:
        """One line for logs: verdict and counts."""
        return (
            f"verdict {self.verdict}: {self.passed} of {self.total} questions passed, {self.failed} failed, "
            f"{self.errors} ended in an error"
        )

    def require_pass(self) -> EvaluationRun:
        """Return the run where it passed.

        Raises:
            DotEvaluationFailedError: it did not; ``run`` holds it.
        """
        if not self.ok:
            raise DotEvaluationFailedError(f"Evaluation run {self.id} did not pass: {self.text}.", run=self)
        return self
