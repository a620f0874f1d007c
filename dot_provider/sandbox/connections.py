"""Connections, the sync that is asked for after a dbt run, tables, and the catalog that lists them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException

from dot_provider.sandbox import warehouse
from dot_provider.sandbox.auth import ORG_ID, InEnvironment, InWorkspace, ModelerByUrl, SignedIn
from dot_provider.sandbox.environments import InContent

if TYPE_CHECKING:
    from dot_provider.sandbox.workspace import Workspace

router = APIRouter(prefix="/api")
newer = APIRouter(prefix="/api")

_MOST_TABLES = 50
_TABLES_WITHOUT_WAREHOUSE = [
    ("orders", 9, 48_211),
    ("customers", 12, 6_034),
    ("products", 7, 418),
]


@dataclass(frozen=True)
class Sync:
    """One sync of a connection that was asked for."""

    connection_type: str
    connection_id: str
    author: str
    environment: str | None
    time: float


@router.post("/sync/{connection_type}/{connection_id}")
async def sync(
    workspace: InWorkspace, account: ModelerByUrl, environment: InEnvironment, connection_type: str, connection_id: str
) -> dict[str, Any]:
    """Sync a connection; a sandbox without a list of connections learns of it here."""
    allowed = workspace.settings.connections
    if "missing" in connection_id if allowed is None else (connection_type, connection_id) not in allowed:
        raise HTTPException(404, f"Connection {connection_id} of type {connection_type} not found")
    workspace.connections[connection_id] = connection_type
    workspace.sync(connection_type, connection_id, account.email, environment)
    return {"status": "success", "connection_type": connection_type, "connection_id": connection_id}


@router.get("/connections")
async def connections(workspace: InWorkspace, _: SignedIn) -> list[dict[str, Any]]:
    """List the connections that are known."""
    counts = Counter(table["connection_id"] for table in await _tables(workspace))
    last = {sync.connection_id: sync.time for sync in workspace.syncs}
    return [
        {"id": id_, "type": type_, "name": id_, "table_count": counts[id_], "last_synced_at": last.get(id_)}
        for id_, type_ in workspace.connections.items()
    ]


@router.get("/tables")
async def tables(workspace: InWorkspace, _: SignedIn) -> list[dict[str, Any]]:
    """List the tables of the catalog."""
    return await _tables(workspace)


@newer.get("/cli/catalog")
async def catalog(workspace: InWorkspace, _: SignedIn, content: InContent) -> dict[str, Any]:
    """Show what the official command line tool does: connections, the largest tables, and external assets by type."""
    tables = await _tables(workspace)
    counts = Counter(table["connection_id"] for table in tables)
    connections = workspace.connections or {"warehouse": "duckdb"}
    largest = sorted(tables, key=lambda table: (-table["num_rows"], table["id"]))[:_MOST_TABLES]
    return {
        "org_id": ORG_ID,
        "capabilities": ["sql", "charts", "follow_ups"],
        "custom_skills": [{"name": "weekly_review", "description": "Summarizes the week."}],
        "connections": [{"id": id_, "type": type_, "table_count": counts[id_]} for id_, type_ in connections.items()],
        "tables": largest,
        "external_assets": dict(sorted(Counter(asset["subtype"] for asset in content.assets.values()).items())),
        "total_tables": len(tables),
    }


async def _tables(workspace: Workspace) -> list[dict[str, Any]]:
    """List the tables of the DuckDB file, or three of a shop; they belong to the connection that was named first."""
    file = workspace.settings.duckdb
    found = _TABLES_WITHOUT_WAREHOUSE if file is None else await asyncio.to_thread(warehouse.catalog, file)
    shared = {"description": "", "connection_id": next(iter(workspace.connections), "warehouse")}
    return [{"id": name, "name": name, "column_count": columns, "num_rows": n, **shared} for name, columns, n in found]
