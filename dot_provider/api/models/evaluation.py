"""Evaluation runs: a set of questions that Dot answers and judges."""

from __future__ import annotations

from dataclasses import dataclass, field

from dot_provider.api.errors import DotEvaluationFailedError
from dot_provider.api.models.records import Record, text_of


@dataclass(frozen=True)
class EvaluationRun:
    """One run of an evaluation, as ``GET /evaluation_runs/{run_id}`` shows it.

    ``verdict`` is pass, fail, error or pending; only ``pass`` is a pass, and ``error`` is no score of 0 %. The counts
    are of questions.
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
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record, evaluation_id: str = "") -> EvaluationRun:
        """Read a run; ``id`` is required, everything else may be missing."""
        summary = record.get("summary")
        counts = summary if isinstance(summary, dict) else {}
        return cls(
            id=str(record["id"]),
            status=text_of(record, "status"),
            finished=bool(record.get("finished")),
            verdict=text_of(record, "verdict").lower() or "pending",
            total=_count(counts, "total"),
            passed=_count(counts, "pass"),
            failed=_count(counts, "fail"),
            errors=_count(counts, "error"),
            pending=_count(counts, "pending"),
            evaluation_id=text_of(record, "evaluation_id") or evaluation_id,
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


def _count(counts: Record, name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) else 0
