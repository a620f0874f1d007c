"""Evaluation runs, which take a few polls and end by the name of their evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TOTAL = 5


@dataclass
class EvaluationRun:
    """One run; an evaluation named ``...fail...`` fails, ``...error...`` errs, every other passes."""

    id: str
    evaluation_id: str
    polls_left: int
    trigger: str = "api"
    reads: int = 0

    @property
    def finished(self) -> bool:
        """Whether the verdict is there."""
        return self.polls_left <= 0

    @property
    def verdict(self) -> str:
        """``pending`` while it runs, then ``pass``, ``fail`` or ``error``."""
        if not self.finished:
            return "pending"
        name = self.evaluation_id.lower()
        return "error" if "error" in name else "fail" if "fail" in name else "pass"

    def as_json(self) -> dict[str, Any]:
        """The run as ``/evaluation_runs`` shows it."""
        done = TOTAL if self.finished else min(self.reads, TOTAL - 1)
        bad = 2 if self.verdict in ("fail", "error") else 0
        return {
            "id": self.id,
            "evaluation_id": self.evaluation_id,
            "trigger": self.trigger,
            "status": "completed" if self.finished else "running",
            "finished": self.finished,
            "verdict": self.verdict,
            "summary": {
                "total": TOTAL,
                "pass": done - bad,
                "fail": bad if self.verdict == "fail" else 0,
                "error": bad if self.verdict == "error" else 0,
                "pending": TOTAL - done,
            },
        }

    def read(self) -> dict[str, Any]:
        """Read it as a poll does, which counts."""
        shown = self.as_json()
        self.reads += 1
        self.polls_left -= 1
        return shown
