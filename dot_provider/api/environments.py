"""Dot's environments: list, create, compare, sync, merge, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api.arguments import api_path, checked_text
from dot_provider.api.records import Record, Reply, records_in, text_of


@dataclass(frozen=True)
class Environment:
    """An environment, as ``GET /environments`` lists it."""

    id: str
    name: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Environment:
        """Read an environment."""
        return cls(text_of(record, "id", "environment_id"), text_of(record, "name", "title"), record)


def environments() -> Call[list[Environment]]:
    """List the environments. ``GET /environments``."""
    return Call(
        "list environments",
        "GET",
        api_path("environments"),
        lambda document: [Environment.from_record(r) for r in records_in(document, "environments")],
    )


def create_environment(name: str, settings: Mapping[str, Any] | None = None) -> Call[Environment]:
    """Create an environment. ``POST /environments`` with ``name`` and any further settings that Dot knows."""
    body = {**(settings or {}), "name": checked_text("name", name)}
    path = api_path("environments")
    return Call(f"create environment {name!r}", "POST", path, Environment.from_record, repeatable=False, body=body)


def delete_environment(environment_id: str) -> Call[Reply]:
    """Delete an environment. ``DELETE /environments/{id}?confirm=true``."""
    path = api_path("environments", ("environment_id", environment_id))
    return Call(f"delete environment {environment_id}", "DELETE", path, Reply, query={"confirm": "true"})


def environment_diff(environment_id: str) -> Call[Reply]:
    """Return what differs from production. ``GET /environments/{id}/diff``."""
    return _verb("GET", environment_id, "diff")


def environment_conflicts(environment_id: str) -> Call[Reply]:
    """Return what changed on both sides. ``GET /environments/{id}/conflicts``."""
    return _verb("GET", environment_id, "conflicts")


def set_environment_targets(environment_id: str, targets: Mapping[str, Any]) -> Call[Reply]:
    """Set which databases and schemas an environment reads. ``PUT /environments/{id}/targets``."""
    return _verb("PUT", environment_id, "targets", dict(targets))


def sync_environment_target(environment_id: str, target: Mapping[str, Any] | None = None) -> Call[Reply]:
    """Sync an environment with its target. ``POST /environments/{id}/sync_target``."""
    return _verb("POST", environment_id, "sync_target", dict(target or {}))


def merge_environment(environment_id: str) -> Call[Reply]:
    """Merge an environment into production. ``POST /environments/{id}/merge`` with ``confirm``."""
    return _verb("POST", environment_id, "merge", {"confirm": True}, repeatable=False)


def propose_environment(environment_id: str, proposal: Mapping[str, Any] | None = None) -> Call[Reply]:
    """Propose an environment for review. ``POST /environments/{id}/proposal``."""
    return _verb("POST", environment_id, "proposal", dict(proposal or {}), repeatable=False)


def update_environment_from_production(environment_id: str) -> Call[Reply]:
    """Bring production's changes into an environment. ``POST /environments/{id}/update_from_production``."""
    return _verb("POST", environment_id, "update_from_production", {})


def _verb(
    method: str,
    environment_id: str,
    verb: str,
    body: Mapping[str, Any] | None = None,
    *,
    repeatable: bool = True,
) -> Call[Reply]:
    path = api_path("environments", ("environment_id", environment_id), verb)
    name = f"{verb.replace('_', ' ')} of environment {environment_id}"
    return Call(name, method, path, Reply, repeatable=repeatable, body=body)
