"""dbt results in, incidents in, dbt exposures out."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from dot_provider.sandbox import exposures, incidents
from dot_provider.sandbox.auth import Admin, Modeler
from dot_provider.sandbox.workspace import DbtReport, InWorkspace, Workspace

newer = APIRouter(prefix="/api")


class RunResults(BaseModel):
    """The part of dbt's ``run_results.json`` that is looked at."""

    model_config = ConfigDict(extra="allow")

    results: list[dict[str, Any]]
    metadata: dict[str, Any] = Field(default_factory=dict)


class IncidentItem(BaseModel):
    """One check of a table, as its source sees it."""

    table: str = Field(min_length=1)
    check: str = Field(min_length=1)
    status: Literal["open", "resolved"]
    severity: str | None = None
    message: str | None = None
    url: str | None = None


@newer.post("/dbt/run_results")
async def report_run(
    workspace: InWorkspace,
    _: Admin,
    run_results: Annotated[RunResults, Body()],
    manifest: Annotated[dict[str, Any], Body()],
) -> dict[str, Any]:
    """Open incidents for what failed in a dbt run, and clear those of what passed."""
    results = run_results.model_dump()
    statuses = Counter(str(result.get("status")) for result in results["results"])
    invocation = run_results.metadata.get("invocation_id")
    workspace.dbt = DbtReport(workspace.dbt.count + 1, invocation, dict(statuses), manifest)
    return _report(workspace, "dbt", incidents.from_dbt(results, manifest))


@newer.post("/quality/incidents")
async def report_incidents(
    workspace: InWorkspace, _: Admin, source: Annotated[str, Body(min_length=1)], items: list[IncidentItem]
) -> dict[str, Any]:
    """Open and resolve incidents of one source."""
    return _report(workspace, source, [item.model_dump() for item in items])


@newer.get("/dbt/exposures")
async def dbt_exposures(
    workspace: InWorkspace,
    _: Modeler,
    format: Literal["yaml", "json"] = "yaml",  # noqa: A002 - the API's name
    connection_id: str | None = None,
) -> Response:
    """Give the dashboards that read dbt models as dbt exposures; the same ones in the same order each time."""
    found = exposures.found(workspace.production.assets, exposures.models_of(workspace.dbt.manifest))
    if format == "json":
        return JSONResponse({"version": 2, **found})
    return Response(exposures.as_yaml(found["exposures"]), media_type="application/yaml")


def _report(workspace: Workspace, source: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    outcomes = Counter(workspace.incidents.report(source, item) for item in items)
    still = [incident for incident in workspace.incidents.open if incident.source == source]
    return {
        "status": "success",
        "opened": outcomes["opened"],
        "resolved": outcomes["resolved"],
        "open_incidents": len(still),
    }
