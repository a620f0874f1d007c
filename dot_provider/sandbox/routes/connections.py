"""Connections, tables and the sync that is asked for after a dbt run."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, HTTPException

from dot_provider.sandbox.auth import ModelerByUrl, SignedIn
from dot_provider.sandbox.routes.scope import InEnvironment
from dot_provider.sandbox.workspace import InWorkspace, Sync, Workspace

router = APIRouter(prefix="/api")


@router.post("/sync/{connection_type}/{connection_id}")
async def sync(
    workspace: InWorkspace,
    account: ModelerByUrl,
    environment: InEnvironment,
    connection_type: str,
    connection_id: str,
) -> dict[str, Any]:
    """Sync a connection; a sandbox without a list of connections learns of it here."""
    if not _known(workspace, connection_type, connection_id):
        raise HTTPException(404, f"Connection {connection_id} of type {connection_type} not found")
    workspace.connections[connection_id] = connection_type
    workspace.syncs.append(Sync(connection_type, connection_id, account.email, environment, time.time()))
    return {"status": "success", "connection_type": connection_type, "connection_id": connection_id}


@router.get("/connections")
async def connections(workspace: InWorkspace, _: SignedIn) -> list[dict[str, Any]]:
    """List the connections that are known."""
    tables = await asyncio.to_thread(workspace.tables)
    last = {sync.connection_id: sync.time for sync in workspace.syncs}
    first = next(iter(workspace.connections), None)
    return [
        {
            "id": id_,
            "type": type_,
            "name": id_,
            "table_count": len(tables) if id_ == first else 0,
            "last_synced_at": last.get(id_),
        }
        for id_, type_ in workspace.connections.items()
    ]


@router.get("/tables")
async def tables(workspace: InWorkspace, _: SignedIn) -> list[dict[str, Any]]:
    """List the tables of the catalog."""
    return [asdict(table) for table in await asyncio.to_thread(workspace.tables)]


def _known(workspace: Workspace, connection_type: str, connection_id: str) -> bool:
    allowed = workspace.settings.connections
    if allowed is None:
        return "missing" not in connection_id
    return (connection_type, connection_id) in allowed
