"""Puts the sandbox's endpoints together."""

from __future__ import annotations

from fastapi import FastAPI

from dot_provider.sandbox.routes import (
    catalog,
    connections,
    control,
    conversations,
    dbt,
    environments,
    evaluations,
    external_assets,
    history,
    notes,
    session,
    start,
    users,
)
from dot_provider.sandbox.workspace import Workspace

_ALWAYS = (
    session.router,
    conversations.router,
    connections.router,
    external_assets.router,
    history.router,
    notes.router,
    users.router,
    start.router,
    control.router,
)
_NEWER = (
    catalog.newer,
    conversations.newer,
    dbt.newer,
    environments.newer,
    evaluations.newer,
    notes.newer,
)


def build_app(workspace: Workspace) -> FastAPI:
    """Return the application of one workspace; an older Dot lacks the newer endpoints."""
    app = FastAPI(title="Dot sandbox", docs_url=None, redoc_url=None)
    app.state.workspace = workspace
    for router in _ALWAYS if workspace.settings.older else _ALWAYS + _NEWER:
        app.include_router(router)
    return app
