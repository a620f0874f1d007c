"""What the official command line tool shows of a workspace."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from dot_provider.sandbox.accounts import ORG_ID
from dot_provider.sandbox.auth import SignedIn
from dot_provider.sandbox.routes.scope import InEnvironment
from dot_provider.sandbox.workspace import InWorkspace

newer = APIRouter(prefix="/api")

_MOST_TABLES = 50


@newer.get("/cli/catalog")
async def catalog(workspace: InWorkspace, _: SignedIn, environment: InEnvironment) -> dict[str, Any]:
    """Show connections, the largest tables, and external assets by type."""
    tables = await asyncio.to_thread(workspace.tables)
    counts = Counter(table.connection_id for table in tables)
    assets = workspace.content(environment).assets.values()
    connections = workspace.connections or {"warehouse": "duckdb"}
    largest = sorted(tables, key=lambda table: (-table.num_rows, table.id))[:_MOST_TABLES]
    return {
        "org_id": ORG_ID,
        "capabilities": ["sql", "charts", "follow_ups"],
        "custom_skills": [{"name": "weekly_review", "description": "Summarizes the week."}],
        "connections": [{"id": id_, "type": type_, "table_count": counts[id_]} for id_, type_ in connections.items()],
        "tables": [asdict(table) for table in largest],
        "external_assets": dict(sorted(Counter(asset["subtype"] for asset in assets).items())),
        "total_tables": len(tables),
    }
