"""When Dagster syncs Dot by itself."""

from __future__ import annotations

from typing import Any

import dagster as dg


def after_upstream_updates() -> dg.AutomationCondition[Any]:
    """Return the condition for a sync: run after upstream assets were updated, and lose no update.

    Like ``AutomationCondition.eager()`` it waits until nothing upstream is missing or in progress, so that one dbt run
    gives one sync. Unlike it, an update that lands while the sync runs, or between the sync's request and its start,
    is remembered, and the sync runs once more.

    Examples:
        >>> build_dot_sync_asset(
        ...     connection_type="dbt", connection_id="shop", automation_condition=after_upstream_updates()
        ... )
    """
    condition = dg.AutomationCondition
    updated = condition.any_deps_updated()
    # An update in the very tick that follows a request does not count as served by that request.
    served = condition.newly_requested() & ~updated
    return (
        updated.since(served | condition.initial_evaluation())
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label("after_upstream_updates")
