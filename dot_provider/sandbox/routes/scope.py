"""The environment that a request is scoped to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, HTTPException

from dot_provider.sandbox.workspace import InWorkspace


async def _environment(workspace: InWorkspace, x_dot_environment: Annotated[str | None, Header()] = None) -> str | None:
    if x_dot_environment is None or workspace.settings.older:
        return None
    if x_dot_environment not in workspace.environments:
        raise HTTPException(404, f"Environment {x_dot_environment} not found")
    return x_dot_environment


InEnvironment = Annotated[str | None, Depends(_environment)]
