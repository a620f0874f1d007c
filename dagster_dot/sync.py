"""Assets that stand for what Dot knows of a connection; to materialize one is to sync it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder, warn_on_termination
from dagster_dot.asset_options import (
    AssetOptions,
    GraphOptions,
    asset_spec,
    clean_name,
    distinct_names,
    refuse_repetition,
)
from dagster_dot.components.base import DotAssetComponent
from dagster_dot.components.scaffolding import MY_CONNECTION, SCHEDULE, dot_component
from dot_provider.api import DotError, DotUsageError
from dot_provider.api.arguments import Seconds, checked_seconds
from dot_provider.api.connections import sync

if TYPE_CHECKING:
    from dot_provider.api import DotClient


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


@asset_builder
def build_dot_sync_asset(
    *, connection_type: str, connection_id: str, timeout: Seconds | None = None, **options: Unpack[AssetOptions]
) -> AssetStep:
    """Build the asset of one connection: put it downstream of dbt, and Dot answers from today's tables and models.

    ``POST /sync/{connection_type}/{connection_id}``, which returns when Dot has finished.

    Args:
        connection_type: such as ``snowflake``, ``bigquery`` or ``dbt``.
        connection_id: the connection's id, as Dot's settings show it.
        timeout: seconds that one try may take; ten minutes by default.
        **options: see ``AssetOptions``; the key is ``dot/<type>/<id>`` by default.

    Raises:
        DotUsageError: type or id is empty or no single path segment, or ``timeout`` is no time to wait.

    Examples:
        >>> build_dot_sync_asset(connection_type="dbt", connection_id="shop", deps=[shop_dbt_assets])
        >>> build_dot_sync_asset(
        ...     connection_type="snowflake", connection_id="prod", automation_condition=after_upstream_updates()
        ... )
    """
    return _sync_step([(connection_type, connection_id)], [clean_name(connection_id)], timeout, options)


@asset_builder
def build_dot_sync_assets(
    *,
    connections: Sequence[tuple[str, str]],
    name: str = "dot_sync",
    timeout: Seconds | None = None,
    **options: Unpack[GraphOptions],
) -> AssetStep:
    """Build one step for several connections, an asset each. Any of them can be materialized by itself.

    One that fails does not keep the others from being synced; the step fails at the end.

    Args:
        connections: pairs of connection type and id.
        name: name of the step.
        timeout: seconds that one try of one connection may take; ten minutes by default.
        **options: for every asset, see ``GraphOptions``.

    Raises:
        DotUsageError: there is no connection, one comes twice, or a type or id is no single path segment.

    Examples:
        >>> build_dot_sync_assets(connections=[("dbt", "shop"), ("snowflake", "prod")], deps=[shop_dbt_assets])
    """
    if not connections:
        raise DotUsageError("connections is empty: name at least one pair of connection type and id.")
    refuse_repetition("connections", ["/".join(connection) for connection in connections])
    # "prod-1" and "prod_1" would be one asset.
    names = distinct_names([id_ for _, id_ in connections])
    return replace(_sync_step(connections, names, timeout, options), name=name, can_subset=True)


def _sync_step(
    connections: Sequence[tuple[str, str]], names: Sequence[str], timeout: Seconds | None, options: GraphOptions
) -> AssetStep:
    """Return the step of some connections: it syncs those that were selected, then fails if one failed."""
    specs = []
    for (kind, id_), name in zip(connections, names, strict=True):
        sync(kind, id_)  # refuses what no URL can carry when the code location loads
        what = f"What Dot knows of the {kind} connection {id_}: tables, models and descriptions."
        specs.append(asset_spec(["dot", clean_name(kind), name], what, **options))
    seconds = None if timeout is None else checked_seconds("timeout", timeout)

    def sync_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        failed: DotError | None = None
        for spec, connection in zip(context.assets_def.specs, connections, strict=True):
            if spec.key not in context.selected_asset_keys:
                continue
            began = time.monotonic()
            try:
                with warn_on_termination(context.log, f"Dot goes on with the sync of {'/'.join(connection)}."):
                    result = client.sync(*connection, timeout=seconds)
            except DotError as error:
                context.log.error(f"{spec.key.to_user_string()}: {error}")
                failed = failed or error
                continue
            said = result.raw if isinstance(result.raw, dict) else {"response": result.raw}
            facts: dict[str, Any] = {"connection": "/".join(connection), "seconds": round(time.monotonic() - began, 3)}
            yield dg.MaterializeResult(asset_key=spec.key, metadata={**facts, "dot_said": dg.MetadataValue.json(said)})
        if failed is not None:
            raise failed

    return AssetStep(specs, sync_step, options)


@dot_component(
    "Dot: sync a connection", scaffold={"connection_type": "dbt", "connection_id": MY_CONNECTION, **SCHEDULE}
)
class DotSyncComponent(DotAssetComponent):
    """Syncs a connection, so that Dot answers from today's tables and models.

    With dependencies, and without an automation condition of its own, it runs after their updates and loses none.
    """

    builder: ClassVar[Callable[..., Any]] = build_dot_sync_asset

    connection_type: str
    connection_id: str
    timeout: Seconds | None = None

    @property
    def asset_options(self) -> AssetOptions:
        """The fields of ``asset`` that were given, and when to sync by itself."""
        options = super().asset_options
        if options.get("deps"):
            options = {"automation_condition": after_upstream_updates(), **options}
        return options
