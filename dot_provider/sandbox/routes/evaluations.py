"""Evaluations: start a run, poll it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from dot_provider.sandbox.auth import Modeler
from dot_provider.sandbox.evaluations import EvaluationRun
from dot_provider.sandbox.workspace import InWorkspace

newer = APIRouter(prefix="/api")


@newer.post("/evaluations/{evaluation_id}/runs")
async def start_run(
    workspace: InWorkspace, _: Modeler, evaluation_id: str, trigger: Annotated[str, Body(embed=True)] = "api"
) -> dict[str, Any]:
    """Start a run, unless one of the same evaluation is under way."""
    if "missing" in evaluation_id:
        raise HTTPException(404, f"Evaluation {evaluation_id} not found")
    for run in workspace.evaluation_runs.values():
        if run.evaluation_id == evaluation_id and not run.finished:
            message = "A run of this evaluation is already active."
            raise HTTPException(409, {"message": message, "active_run_id": run.id})
    run = EvaluationRun(workspace.next_id("evr"), evaluation_id, workspace.settings.evaluation_polls, trigger)
    workspace.evaluation_runs[run.id] = run
    return run.as_json()


@newer.get("/evaluation_runs/{run_id}")
async def read_run(workspace: InWorkspace, _: Modeler, run_id: str) -> dict[str, Any]:
    """Show how far a run has come; its verdict is ``pending`` until it is finished."""
    run = workspace.evaluation_runs.get(run_id)
    if run is None:
        raise HTTPException(404, f"Evaluation run {run_id} not found")
    return run.read()
