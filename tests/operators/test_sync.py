"""Syncing connections from a DAG."""

from __future__ import annotations

from typing import Any

from dot_provider.operators import DotSyncConnectionOperator


def test_syncs_the_connection_and_returns_what_was_synced(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    run = run_task(DotSyncConnectionOperator, connection_type="dbt", connection_id="shop")
    assert run.state == "success"
    assert run.xcom("task") == {"connection_type": "dbt", "connection_id": "shop"}
    assert [request.path for request in dot.requests] == ["/api/sync/dbt/shop"]
