"""Data incidents: opened and cleared by dbt runs and by whoever reports them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

_FAILED = ("fail", "error", "runtime error")
_GOOD = ("pass", "success")


@dataclass
class Incident:
    """One failing check of a table; ``status`` is ``open`` or ``resolved``."""

    source: str
    table: str
    check: str
    severity: str
    message: str
    url: str
    opened_at: float
    status: str = "open"
    resolved_at: float | None = None


class Incidents:
    """Incidents by source, table and check, in the order they were first opened."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str, str], Incident] = {}

    @property
    def all(self) -> list[Incident]:
        """Open and resolved ones."""
        return list(self._by_key.values())

    @property
    def open(self) -> list[Incident]:
        """Those that nobody has resolved."""
        return [incident for incident in self._by_key.values() if incident.status == "open"]

    def report(self, source: str, item: dict[str, Any]) -> str:
        """Open or resolve one; return ``opened``, ``still_open``, ``resolved`` or ``unchanged``."""
        key = (source, item["table"], item["check"])
        known = self._by_key.get(key)
        was_open = known is not None and known.status == "open"
        if item["status"] == "open":
            opened_at = known.opened_at if known is not None and was_open else time.time()
            self._by_key[key] = Incident(
                *key, item.get("severity") or "error", item.get("message") or "", item.get("url") or "", opened_at
            )
            return "still_open" if was_open else "opened"
        if known is None or not was_open:
            return "unchanged"
        known.status, known.resolved_at = "resolved", time.time()
        return "resolved"


def from_dbt(run_results: dict[str, Any], manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the incident items of a dbt run: open for what failed, resolved for what passed.

    Skipped nodes and tests that only warn say nothing; a source whose freshness warns is stale.
    """
    nodes = {**manifest.get("sources", {}), **manifest.get("nodes", {})}
    items = []
    for result in run_results["results"]:
        status, unique_id = str(result.get("status", "")), str(result.get("unique_id", ""))
        stale = status == "warn" and unique_id.startswith("source.")
        if status in _FAILED or stale:
            items.append(_dbt_item(unique_id, "open", result, nodes))
        elif status in _GOOD:
            items.append(_dbt_item(unique_id, "resolved", result, nodes))
    return items


def _dbt_item(unique_id: str, status: str, result: dict[str, Any], nodes: dict[str, Any]) -> dict[str, Any]:
    node = nodes.get(unique_id, {})
    tested = nodes.get(node.get("attached_node") or "", node)
    return {
        "table": tested.get("relation_name") or unique_id,
        "check": unique_id,
        "status": status,
        "severity": "warn" if result.get("status") == "warn" else "error",
        "message": result.get("message") or "",
    }
