"""Evaluations: start a run, look at a run."""

from __future__ import annotations

from dot_provider.api.call import Call
from dot_provider.api.models.evaluation import EvaluationRun
from dot_provider.api.paths import api_path


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
