"""Environments: copies of the workspace's content to change, compare and merge."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from dot_provider.sandbox.auth import Modeler, SignedIn
from dot_provider.sandbox.content import Environment, Key, changes, conflicts
from dot_provider.sandbox.workspace import InWorkspace, Sync

newer = APIRouter(prefix="/api/environments")


class NewEnvironment(BaseModel):
    """The body of ``POST /environments``; further fields are accepted."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1)


async def _environment(workspace: InWorkspace, environment_id: str) -> Environment:
    if environment_id not in workspace.environments:
        raise HTTPException(404, f"Environment {environment_id} not found")
    return workspace.environments[environment_id]


Named = Annotated[Environment, Depends(_environment)]


@newer.get("")
async def environments(workspace: InWorkspace, _: SignedIn) -> list[dict[str, Any]]:
    """List the environments other than production."""
    return [environment.as_json() for environment in workspace.environments.values()]


@newer.post("")
async def create(workspace: InWorkspace, _: Modeler, body: NewEnvironment) -> dict[str, Any]:
    """Make an environment as a copy of production."""
    production = workspace.production
    environment = Environment(workspace.next_id("env"), body.name, production.copy(), production.copy())
    workspace.environments[environment.id] = environment
    return environment.as_json()


@newer.get("/{environment_id}/diff")
async def diff(_: SignedIn, environment: Named) -> dict[str, Any]:
    """Show what changed since the environment was made."""
    changed = changes(environment.base, environment.content)
    return {"id": environment.id, "changes": [_change(key, value) for key, value in sorted(changed.items())]}


@newer.get("/{environment_id}/conflicts")
async def conflicting(workspace: InWorkspace, _: SignedIn, environment: Named) -> dict[str, Any]:
    """Show what changed differently in production meanwhile."""
    found = conflicts(environment, workspace.production)
    return {"id": environment.id, "conflicts": [{"kind": kind, "id": id_} for kind, id_ in found]}


@newer.put("/{environment_id}/targets")
async def set_targets(_: Modeler, environment: Named, targets: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Say which databases or schemas the environment reads instead of production's."""
    environment.targets = targets.get("targets", targets)
    return environment.as_json()


@newer.post("/{environment_id}/sync_target")
async def sync_target(workspace: InWorkspace, account: Modeler, environment: Named) -> dict[str, Any]:
    """Sync what the environment reads."""
    workspace.syncs.append(Sync("environment", environment.id, account.email, environment.id, time.time()))
    return {"status": "success", "id": environment.id}


@newer.post("/{environment_id}/proposal")
async def propose(_: Modeler, environment: Named) -> dict[str, Any]:
    """Ask for the environment to be reviewed and merged."""
    environment.status = "proposed"
    return environment.as_json()


@newer.post("/{environment_id}/update_from_production")
async def update_from_production(workspace: InWorkspace, _: Modeler, environment: Named) -> dict[str, Any]:
    """Take over what changed in production, except where the environment changed it too."""
    kept = set(conflicts(environment, workspace.production))
    there = changes(environment.base, workspace.production)
    environment.content.apply({key: value for key, value in there.items() if key not in kept})
    environment.base = workspace.production.copy()
    return {**environment.as_json(), "kept": [{"kind": kind, "id": id_} for kind, id_ in sorted(kept)]}


@newer.post("/{environment_id}/merge")
async def merge(
    workspace: InWorkspace, _: Modeler, environment: Named, confirm: Annotated[bool, Body(embed=True)] = False
) -> dict[str, Any]:
    """Bring the environment's changes into production."""
    if not confirm:
        raise HTTPException(400, "Merging changes production: send confirm=true.")
    if conflicts(environment, workspace.production):
        raise HTTPException(409, "Production changed meanwhile: see conflicts, then update_from_production.")
    changed = changes(environment.base, environment.content)
    workspace.production.apply(changed)
    environment.base, environment.status = workspace.production.copy(), "merged"
    environment.content = workspace.production.copy()
    return {**environment.as_json(), "merged": len(changed)}


@newer.delete("/{environment_id}")
async def delete(workspace: InWorkspace, _: Modeler, environment: Named, confirm: bool = False) -> dict[str, str]:
    """Delete an environment and what was changed in it."""
    if not confirm:
        raise HTTPException(400, "Deleting an environment cannot be undone: send confirm=true.")
    del workspace.environments[environment.id]
    return {"status": "success", "id": environment.id}


def _change(key: Key, value: Any) -> dict[str, Any]:
    kind, id_ = key
    return {"kind": kind, "id": id_, "change": "removed" if value is None else "changed", "value": value}
