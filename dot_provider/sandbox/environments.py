"""Environments: copies of the workspace's content to change, compare and merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from dot_provider.sandbox.auth import InEnvironment, InWorkspace, Modeler, SignedIn

Key = tuple[str, str]


@dataclass
class Content:
    """What environments version: external assets and notes, each by id; ``org_note`` is the note of older servers."""

    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    org_note: str = ""

    def copy(self) -> Content:
        """Return an independent copy; the items themselves are replaced on change, never edited."""
        return Content(dict(self.assets), dict(self.notes), self.org_note)

    def items(self) -> dict[Key, Any]:
        """Every item by kind and id."""
        found: dict[Key, Any] = {("external_asset", id_): asset for id_, asset in self.assets.items()}
        found |= {("note", id_): note for id_, note in self.notes.items()}
        return {**found, ("org_note", "org_note"): self.org_note} if self.org_note else found

    def apply(self, changes: Mapping[Key, Any]) -> None:
        """Take over changed items; None removes one."""
        items = {**self.items(), **changes}
        kept = [(kind, id_, item) for (kind, id_), item in items.items() if item is not None]
        self.assets = {id_: item for kind, id_, item in kept if kind == "external_asset"}
        self.notes = {id_: item for kind, id_, item in kept if kind == "note"}
        self.org_note = items.get(("org_note", "org_note")) or ""

    def changes_since(self, before: Content) -> dict[Key, Any]:
        """Return the items that differ, with their value here; None for those that are gone."""
        old, new = before.items(), self.items()
        gone = {key: None for key in old if key not in new}
        return {key: value for key, value in new.items() if old.get(key) != value} | gone


@dataclass
class Environment:
    """A copy of production to change things in, and what production was when it was made."""

    id: str
    name: str
    content: Content
    base: Content
    targets: dict[str, Any] = field(default_factory=dict)
    status: str = "open"

    @property
    def changes(self) -> dict[Key, Any]:
        """The items that were changed in it."""
        return self.content.changes_since(self.base)

    def conflicts(self, production: Content) -> list[Key]:
        """Return the items that changed differently here and in production since it was made."""
        here, there = self.changes, production.changes_since(self.base)
        return sorted(key for key in here.keys() & there.keys() if here[key] != there[key])

    def as_json(self) -> dict[str, Any]:
        """The environment as the API shows it."""
        shown = {name: getattr(self, name) for name in ("id", "name", "status", "targets")}
        return {**shown, "changes": len(self.changes)}


class NewEnvironment(BaseModel):
    """The body of ``POST /environments``; further fields are accepted."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1)


async def _content(workspace: InWorkspace, environment: InEnvironment) -> Content:
    return workspace.content(environment)


async def _environment(workspace: InWorkspace, environment_id: str) -> Environment:
    return workspace.environment(environment_id)


InContent = Annotated[Content, Depends(_content)]
"""What the environment of the request's header, or production, shows."""
Named = Annotated[Environment, Depends(_environment)]

newer = APIRouter(prefix="/api/environments")


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
    changes = [
        {"kind": kind, "id": id_, "change": "removed" if value is None else "changed", "value": value}
        for (kind, id_), value in sorted(environment.changes.items())
    ]
    return {"id": environment.id, "changes": changes}


@newer.get("/{environment_id}/conflicts")
async def conflicting(workspace: InWorkspace, _: SignedIn, environment: Named) -> dict[str, Any]:
    """Show what changed differently in production meanwhile."""
    return {"id": environment.id, "conflicts": _named(environment.conflicts(workspace.production))}


@newer.put("/{environment_id}/targets")
async def set_targets(_: Modeler, environment: Named, targets: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Say which databases or schemas the environment reads instead of production's."""
    inner = targets.get("targets", targets)
    environment.targets = inner if isinstance(inner, dict) else targets
    return environment.as_json()


@newer.post("/{environment_id}/sync_target")
async def sync_target(workspace: InWorkspace, account: Modeler, environment: Named) -> dict[str, Any]:
    """Sync what the environment reads."""
    workspace.sync("environment", environment.id, account.email, environment.id)
    return {"status": "success", "id": environment.id}


@newer.post("/{environment_id}/proposal")
async def propose(_: Modeler, environment: Named) -> dict[str, Any]:
    """Ask for the environment to be reviewed and merged."""
    environment.status = "proposed"
    return environment.as_json()


@newer.post("/{environment_id}/update_from_production")
async def update_from_production(workspace: InWorkspace, _: Modeler, environment: Named) -> dict[str, Any]:
    """Take over what changed in production, except where the environment changed it too."""
    kept = environment.conflicts(workspace.production)
    there = workspace.production.changes_since(environment.base)
    environment.content.apply({key: value for key, value in there.items() if key not in kept})
    environment.base = workspace.production.copy()
    return {**environment.as_json(), "kept": _named(kept)}


@newer.post("/{environment_id}/merge")
async def merge(
    workspace: InWorkspace, _: Modeler, environment: Named, confirm: Annotated[bool, Body(embed=True)] = False
) -> dict[str, Any]:
    """Bring the environment's changes into production."""
    if not confirm:
        raise HTTPException(400, "Merging changes production: send confirm=true.")
    if environment.conflicts(workspace.production):
        raise HTTPException(409, "Production changed meanwhile: see conflicts, then update_from_production.")
    changes = environment.changes
    workspace.production.apply(changes)
    environment.base, environment.status = workspace.production.copy(), "merged"
    environment.content = workspace.production.copy()
    return {**environment.as_json(), "merged": len(changes)}


@newer.delete("/{environment_id}")
async def delete(workspace: InWorkspace, _: Modeler, environment: Named, confirm: bool = False) -> dict[str, str]:
    """Delete an environment and what was changed in it."""
    if not confirm:
        raise HTTPException(400, "Deleting an environment cannot be undone: send confirm=true.")
    del workspace.environments[environment.id]
    return {"status": "success", "id": environment.id}


def _named(keys: list[Key]) -> list[dict[str, str]]:
    return [{"kind": kind, "id": id_} for kind, id_ in keys]
