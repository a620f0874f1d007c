"""Puts the sandbox's endpoints together."""

from __future__ import annotations

import json

from fastapi import Depends, FastAPI, HTTPException, Request

from dot_provider.sandbox import evaluations, pages
from dot_provider.sandbox.recording import parsed_json
from dot_provider.sandbox.routes import (
    catalog,
    connections,
    control,
    conversations,
    dbt,
    environments,
    external_assets,
    history,
    notes,
    session,
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
    pages.router,
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
    app = FastAPI(title="Dot sandbox", docs_url=None, redoc_url=None, dependencies=[Depends(_refuse_unshowable)])
    app.state.workspace = workspace
    for router in _ALWAYS if workspace.settings.older else _ALWAYS + _NEWER:
        app.include_router(router)
    return app


async def _refuse_unshowable(request: Request) -> None:
    """Refuse, before anything is kept of it, a body that no response and no page could show again."""
    if request.headers.get("content-type", "").startswith(("application/x-www-form-urlencoded", "multipart/")):
        return
    try:
        parsed_json(await request.body() or b"null")
    except json.JSONDecodeError:
        pass  # FastAPI's to refuse
    except ValueError as error:
        raise HTTPException(422, f"The body cannot be kept: {error!r}") from None
