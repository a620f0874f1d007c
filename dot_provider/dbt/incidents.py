"""A dbt run as items for Dot's ``POST /quality/incidents``.

``POST /dbt/run_results`` lets Dot find the incidents itself and is the better way where it is known. These
items are for a Dot that only knows ``/quality/incidents``, or for sending a chosen part of a run.
"""

from __future__ import annotations

from collections.abc import Iterator

from dot_provider.dbt.artifacts import DbtArtifacts
from dot_provider.dbt.results import DbtNodeResult, node_results

# Results that say nothing about a table's quality.
_WITHOUT_INCIDENTS = ("exposure", "saved_query", "metric", "semantic_model")


def incident_items(
    artifacts: DbtArtifacts, *, url: str | None = None, include_resolved: bool = True
) -> list[dict[str, str]]:
    """Turn a dbt run into incident items: failing tests, nodes that did not build, stale sources.

    An incident is named by its table and check. The check is the test's name; ``dbt build`` for models, seeds
    and snapshots; ``dbt source freshness`` for sources. What was skipped gives no item: nothing is known
    about it.

    Parameters:
        artifacts: the run.
        url: where a person can read more, such as the page of the orchestrator's run; put into each item.
        include_resolved: also give an item with status ``resolved`` for all that passed, so that incidents of
            earlier runs end. Dot documents ``open`` only; leave it out for a Dot that refuses the other word.

    Returns:
        Items with ``table``, ``check``, ``status``, ``severity`` (``error`` or ``warn``), ``message`` and, if
        given, ``url``; open ones first.
    """
    items = list(_items(artifacts, url))
    opened = [item for item in items if item["status"] == "open"]
    resolved = [item for item in items if item["status"] == "resolved"]
    return opened + resolved if include_resolved else opened


def _items(artifacts: DbtArtifacts, url: str | None) -> Iterator[dict[str, str]]:
    for node in node_results(artifacts):
        if node.outcome == "skipped" or node.resource_type in _WITHOUT_INCIDENTS:
            continue
        item = {
            "table": node.table,
            "check": _check(node),
            "status": "resolved" if node.outcome == "passed" else "open",
            "severity": node.severity,
            "message": node.message or f"dbt reports {node.status}",
        }
        yield {**item, "url": url} if url else item


def _check(node: DbtNodeResult) -> str:
    if node.is_test:
        return node.name
    return "dbt source freshness" if node.resource_type == "source" else "dbt build"
