"""dbt: run results and incidents in, exposures out."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from dot_provider.sandbox.auth import Admin, InWorkspace, Modeler

if TYPE_CHECKING:
    from dot_provider.sandbox.workspace import Workspace

newer = APIRouter(prefix="/api")

_FAILED = ("fail", "error", "runtime error")
_GOOD = ("pass", "success")
_OWNER = {"name": "Dot", "email": "dot@sandbox.example"}
_MODELS_WITHOUT_MANIFEST = ("customers", "orders")


@dataclass
class DbtReport:
    """The last dbt run that was reported, and how many reports there were."""

    count: int = 0
    invocation_id: str | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass
class Incident:
    """One failing check of a table; ``status`` is ``open`` or ``resolved``."""

    source: str
    table: str
    check: str
    severity: str
    message: str
    url: str
    opened_at: float
    status: str = "open"
    resolved_at: float | None = None


class Incidents:
    """Incidents by source, table and check, in the order they were first opened."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str, str], Incident] = {}

    @property
    def all(self) -> list[Incident]:
        """Open and resolved ones."""
        return list(self._by_key.values())

    @property
    def open(self) -> list[Incident]:
        """Those that nobody has resolved."""
        return [incident for incident in self.all if incident.status == "open"]

    def report(self, source: str, item: IncidentItem) -> str:
        """Open or resolve one; return ``opened``, ``still_open``, ``resolved`` or ``unchanged``."""
        key = (source, item.table, item.check)
        known = self._by_key.get(key)
        was_open = known is not None and known.status == "open"
        if item.status == "open":
            opened_at = known.opened_at if known is not None and was_open else time.time()
            said = (item.severity or "error", item.message or "", item.url or "")
            self._by_key[key] = Incident(*key, *said, opened_at)
            return "still_open" if was_open else "opened"
        if known is None or not was_open:
            return "unchanged"
        known.status, known.resolved_at = "resolved", time.time()
        return "resolved"


class IncidentItem(BaseModel):
    """One check of a table, as its source sees it."""

    table: str = Field(min_length=1)
    check: str = Field(min_length=1)
    status: Literal["open", "resolved"]
    severity: str | None = None
    message: str | None = None
    url: str | None = None


class RunResults(BaseModel):
    """The part of dbt's ``run_results.json`` that is looked at."""

    model_config = ConfigDict(extra="allow")

    results: list[dict[str, Any]]
    metadata: dict[str, Any] = Field(default_factory=dict)


@newer.post("/dbt/run_results")
async def report_run(
    workspace: InWorkspace,
    _: Admin,
    run_results: Annotated[RunResults, Body()],
    manifest: Annotated[dict[str, Any], Body()],
) -> dict[str, Any]:
    """Open incidents for what failed in a dbt run, and clear those of what passed.

    Skipped nodes and tests that only warn say nothing; a source whose freshness warns is stale.
    """
    nodes = {**_mapping(manifest, "sources"), **_mapping(manifest, "nodes")}
    statuses = Counter(str(result.get("status")) for result in run_results.results)
    invocation = run_results.metadata.get("invocation_id")
    workspace.dbt = DbtReport(workspace.dbt.count + 1, invocation and str(invocation), dict(statuses), manifest)
    items = (_incident_item(result, nodes) for result in run_results.results)
    return _report(workspace, "dbt", [item for item in items if item is not None])


@newer.post("/quality/incidents")
async def report_incidents(
    workspace: InWorkspace, _: Admin, source: Annotated[str, Body(min_length=1)], items: list[IncidentItem]
) -> dict[str, Any]:
    """Open and resolve incidents of one source."""
    return _report(workspace, source, items)


@newer.get("/dbt/exposures")
async def dbt_exposures(
    workspace: InWorkspace,
    _: Modeler,
    format: Literal["yaml", "json"] = "yaml",  # noqa: A002 - the API's name
    connection_id: str | None = None,
) -> Response:
    """Give the dashboards whose texts name dbt models as dbt exposures; the same ones in the same order each time."""
    nodes = _mapping(workspace.dbt.manifest, "nodes").values()
    models = sorted({str(n.get("name")) for n in nodes if isinstance(n, dict) and n.get("resource_type") == "model"})
    models = models or list(_MODELS_WITHOUT_MANIFEST)
    assets = sorted(workspace.production.assets.values(), key=lambda asset: str(asset["id"]))
    named = [(asset, _named(asset, models)) for asset in assets]
    exposures = [_review(models), *(_exposure(asset, read) for asset, read in named if read)]
    if format == "yaml":
        text = yaml.safe_dump({"version": 2, "exposures": exposures}, sort_keys=False, allow_unicode=True)
        return Response(text, media_type="application/yaml")
    others = [{"id": asset["id"], "name": asset["name"] or asset["id"]} for asset, read in named if not read]
    return JSONResponse({"version": 2, "exposures": exposures, "apps_without_dbt_models": others})


def _report(workspace: Workspace, source: str, items: list[IncidentItem]) -> dict[str, Any]:
    outcomes = Counter(workspace.incidents.report(source, item) for item in items)
    still = [incident for incident in workspace.incidents.open if incident.source == source]
    counts = {"opened": outcomes["opened"], "resolved": outcomes["resolved"], "open_incidents": len(still)}
    return {"status": "success", **counts}


def _incident_item(result: Mapping[str, Any], nodes: Mapping[str, Any]) -> IncidentItem | None:
    # dbt 2 writes the freshness of a source as Error and Warn.
    status, unique_id = str(result.get("status", "")).lower(), str(result.get("unique_id") or "unknown")
    is_open = status in _FAILED or (status == "warn" and unique_id.startswith("source."))
    if not is_open and status not in _GOOD:
        return None
    node = _mapping(nodes, unique_id)
    tested = _mapping(nodes, str(node.get("attached_node"))) or node
    return IncidentItem(
        table=re.sub(r'["`\[\]]', "", str(tested.get("relation_name") or "")) or unique_id,
        check=unique_id,
        status="open" if is_open else "resolved",
        severity="warn" if status == "warn" else "error",
        message=str(result.get("message") or ""),
    )


def _mapping(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _review(models: list[str]) -> dict[str, Any]:
    return {
        "name": "dot_weekly_review",
        "label": "Weekly review",
        "type": "application",
        "description": "Questions that are asked of Dot each week.",
        "owner": dict(_OWNER),
        "depends_on": [f"ref('{model}')" for model in [m for m in models if "order" in m] or models],
    }


def _exposure(asset: Mapping[str, Any], models: list[str]) -> dict[str, Any]:
    return {
        "name": "dot_" + re.sub(r"\W+", "_", asset["id"]).strip("_").lower(),
        "label": asset["name"] or asset["id"],
        "type": "dashboard",
        "description": asset["description"] or "",
        "owner": dict(_OWNER),
        "depends_on": [f"ref('{model}')" for model in models],
        **({"url": asset["url"]} if asset["url"] else {}),
    }


def _named(asset: Mapping[str, Any], models: list[str]) -> list[str]:
    texts = (asset[field] or "" for field in ("name", "description", "dot_description"))
    words = set(re.findall(r"\w+", " ".join(texts).lower()))
    return [model for model in models if model.lower() in words]
