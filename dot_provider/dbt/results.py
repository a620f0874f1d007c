"""What became of each node of a dbt run: an entry of the results, joined with its node in the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dot_provider.api.dbt import unreadable_entry
from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import list_of, number_of, record_of, text_of
from dot_provider.dbt.artifacts import Artifact, DbtArtifacts

Outcome = Literal["passed", "warned", "failed", "skipped"]

# dbt-core's words, "reused" of dbt's newer engines included. A word not known here counts as failed, so that
# nothing is called fine by mistake.
_OUTCOMES: Mapping[str, Outcome] = {
    "success": "passed",
    "pass": "passed",
    "no-op": "passed",
    "reused": "passed",
    "warn": "warned",
    "skipped": "skipped",
    "fail": "failed",
    "error": "failed",
    "runtime error": "failed",
    "partial success": "failed",
}

_MANIFEST_SECTIONS = (
    "nodes",
    "sources",
    "unit_tests",
    "exposures",
    "metrics",
    "saved_queries",
    "semantic_models",
    "functions",
)
_TESTS = ("test", "unit_test")


@dataclass(frozen=True)
class DbtNodeResult:
    """One node's result.

    Attributes:
        unique_id: dbt's id, such as ``model.shop.orders``.
        resource_type: ``model``, ``test``, ``unit_test``, ``seed``, ``snapshot``, ``source``, ...
        name: the node's own name.
        status: dbt's word for what happened.
        message: dbt's message on one line, empty when there is none.
        table: the relation concerned, as ``database.schema.table``; of a test, the relation it tests. A node
            without a relation (an ephemeral model, a hook) is named instead.
        severity: ``error``, or ``warn`` where dbt only warned or the test is configured to.
        raw: the entry of the run results.
    """

    unique_id: str
    resource_type: str
    name: str
    status: str
    message: str
    table: str
    severity: Literal["error", "warn"]
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def outcome(self) -> Outcome:
        """``passed``, ``warned``, ``failed`` or ``skipped``."""
        return _OUTCOMES.get(self.status, "failed")

    @property
    def is_test(self) -> bool:
        """Whether this is a data test or a unit test."""
        return self.resource_type in _TESTS


def node_results(artifacts: DbtArtifacts) -> list[DbtNodeResult]:
    """Join each result with its node, in the order in which dbt reports them.

    A node that the manifest does not have (it comes from another invocation) is described by its id alone.

    Raises:
        DotUsageError: an entry of the results names no node.
    """
    if unreadable := unreadable_entry(artifacts.run_results):
        raise DotUsageError(f"run_results {unreadable}")
    return [_node_result(entry, artifacts.manifest) for entry in artifacts.run_results["results"]]


def find_node(manifest: Artifact, unique_id: str) -> Mapping[str, Any]:
    """Return the manifest's entry of any resource type, empty when there is none."""
    for section in _MANIFEST_SECTIONS:
        if node := record_of(record_of(manifest, section), unique_id):
            return node
    return {}


def table_name(quoted: str) -> str:
    """Return the name of a relation without the quotes of any warehouse."""
    return quoted.translate({ord(quote): None for quote in '"`[]'})


def relation(node: Mapping[str, Any]) -> str | None:
    """Return ``database.schema.table`` without quotes, None for a node that is no relation."""
    if name := text_of(node, "relation_name"):
        return table_name(name)
    # Seeds of dbt 1.3 and older, and models before they are compiled, have their names alone.
    stored = text_of(node, "resource_type") in ("model", "seed", "snapshot", "source")
    if not stored or text_of(record_of(node, "config"), "materialized") == "ephemeral":
        return None
    parts = text_of(node, "database"), text_of(node, "schema"), text_of(node, "alias", "identifier", "name")
    return ".".join(filter(None, parts)) if parts[1] and parts[2] else None


def _node_result(entry: Mapping[str, Any], manifest: Artifact) -> DbtNodeResult:
    unique_id = entry["unique_id"]
    node = find_node(manifest, unique_id)
    id_parts = unique_id.split(".")
    resource_type = text_of(node, "resource_type") or id_parts[0]
    name = text_of(node, "name") or id_parts[min(2, len(id_parts) - 1)]
    status = text_of(entry, "status").lower()
    configured = text_of(record_of(node, "config"), "severity").lower()
    return DbtNodeResult(
        unique_id=unique_id,
        resource_type=resource_type,
        name=name,
        status=status,
        message=_message(entry),
        table=(_tested(node, manifest) if resource_type in _TESTS else relation(node)) or name,
        severity="warn" if status == "warn" or configured == "warn" else "error",
        raw=entry,
    )


def _tested(test: Mapping[str, Any], manifest: Artifact) -> str | None:
    """Return the relation that a test is about: what it is attached to, else the first that it reads."""
    for unique_id in [test.get("attached_node"), *list_of(record_of(test, "depends_on"), "nodes")]:
        node = find_node(manifest, unique_id) if isinstance(unique_id, str) else {}
        if node:
            return relation(node) or text_of(node, "name") or None
    return None


def _message(entry: Mapping[str, Any]) -> str:
    text = entry.get("message") or entry.get("error") or _staleness(entry)
    return " ".join(str(text).split())


def _staleness(entry: Mapping[str, Any]) -> str:
    """Say in words what ``sources.json`` says in numbers."""
    seconds = number_of(entry, "max_loaded_at_time_ago_in_s")
    if seconds is None:
        return ""
    limits = [
        f"{name.replace('_', ' ')} {limit['count']} {text_of(limit, 'period')}{'s' if limit['count'] != 1 else ''}"
        for name, limit in record_of(entry, "criteria").items()
        if isinstance(limit, Mapping) and limit.get("count")
    ]
    allowed = f" ({', '.join(limits)})" if limits else ""
    age = f"{seconds / 3600:.1f} hours" if seconds < 3 * 86400 else f"{seconds / 86400:.0f} days"
    return f"Last loaded {age} before the check, at {entry.get('max_loaded_at')}{allowed}"
