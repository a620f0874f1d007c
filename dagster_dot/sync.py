"""Assets that stand for what Dot knows of a connection; to materialize one is to sync it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import Materialize, Results, build_step
from dagster_dot.asset_options import AssetOptions, GraphOptions, asset_spec, cleaned, distinct_names, refuse_repetition
from dagster_dot.failures import saying_what_goes_on
from dot_provider.api import DotError, DotUsageError
from dot_provider.api.arguments import Seconds, checked_seconds
from dot_provider.api.connections import sync

if TYPE_CHECKING:
    from dot_provider.api import DotClient


def build_dot_sync_asset(
    *, connection_type: str, connection_id: str, timeout: Seconds | None = None, **options: Unpack[AssetOptions]
) -> dg.AssetsDefinition:
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
    spec = sync_spec(connection_type, connection_id, **options)
    return build_step([spec], syncing({spec.key: (connection_type, connection_id)}, timeout), options)


def build_dot_sync_assets(
    *,
    connections: Sequence[tuple[str, str]],
    name: str = "dot_sync",
    timeout: Seconds | None = None,
    **options: Unpack[GraphOptions],
) -> dg.AssetsDefinition:
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
    ids = distinct_names([id_ for _, id_ in connections])
    specs = [
        sync_spec(kind, id_, **{"key": ["dot", cleaned(kind), last], **options})  # type: ignore[arg-type]
        for (kind, id_), last in zip(connections, ids, strict=True)
    ]
    by_key = {spec.key: connection for spec, connection in zip(specs, connections, strict=True)}
    return build_step(specs, syncing(by_key, timeout), options, name=name, can_subset=True)


def syncing(connections: Mapping[dg.AssetKey, tuple[str, str]], timeout: Seconds | None = None) -> Materialize:
    """Return what the step of some connections does: sync those that were selected, then fail if one failed."""
    seconds = None if timeout is None else checked_seconds("timeout", timeout)

    def materialize(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        failed: DotError | None = None
        for key, connection in connections.items():
            if key not in context.selected_asset_keys:
                continue
            try:
                with saying_what_goes_on(context.log, f"Dot goes on with the sync of {'/'.join(connection)}."):
                    synced = _synced(client, key, *connection, seconds)
                yield synced
            except DotError as error:
                context.log.error(f"{key.to_user_string()}: {error}")
                failed = failed or error
        if failed is not None:
            raise failed

    return materialize


def sync_spec(connection_type: str, connection_id: str, **options: Unpack[AssetOptions]) -> dg.AssetSpec:
    """Return the spec of a connection's asset; what no URL can carry is refused here, when the code location loads."""
    sync(connection_type, connection_id)
    return asset_spec(
        ["dot", cleaned(connection_type), cleaned(connection_id)],
        f"What Dot knows of the {connection_type} connection {connection_id}: tables, models and descriptions.",
        **options,
    )


def _synced(
    client: DotClient, key: dg.AssetKey, connection_type: str, connection_id: str, timeout: float | None
) -> dg.MaterializeResult[object]:
    began = time.monotonic()
    result = client.sync(connection_type, connection_id, timeout=timeout)
    said = result.raw if isinstance(result.raw, dict) else {"response": result.raw}
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "connection": f"{connection_type}/{connection_id}",
            "seconds": round(time.monotonic() - began, 3),
            "dot_said": dg.MetadataValue.json(said),
        },
    )
