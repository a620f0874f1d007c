"""``dagster_dot.DotSyncComponent``: a connection that is synced after its upstream assets."""

from __future__ import annotations

from typing import Annotated, ClassVar

import dagster as dg

from dagster_dot.asset_factory import Materialize
from dagster_dot.automation import after_upstream_updates
from dagster_dot.components.base import Catalog, DotAssetComponent
from dagster_dot.components.hints import seconds, text
from dagster_dot.components.scaffolding import SyncParams, scaffolded_by
from dagster_dot.sync import sync_spec, syncing
from dot_provider.api.arguments import Seconds


@scaffolded_by(SyncParams)
class DotSyncComponent(DotAssetComponent):
    """Syncs a connection, so that Dot answers from today's tables and models.

    With dependencies, and without an automation condition of its own, it runs after their updates and loses none.
    """

    catalog: ClassVar = Catalog(
        "Dot: sync a connection", "Syncs a connection of Dot's after its upstream assets were updated."
    )

    connection_type: Annotated[str, text("Type of the connection.", examples=["dbt", "snowflake"], placeholder="dbt")]
    connection_id: Annotated[str, text("The connection's id, as Dot's settings show it.", examples=["shop"])]

    timeout: Annotated[Seconds | None, seconds("Seconds that one try may take; ten minutes by default.")] = None

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/<type>/<id>`` by default."""
        options = self.asset_options
        if options.get("deps"):
            options = {"automation_condition": after_upstream_updates(), **options}
        return sync_spec(self.connection_type, self.connection_id, **options)

    def get_step(self) -> Materialize:
        """Return what syncs the connection."""
        return syncing({self.get_asset_spec().key: (self.connection_type, self.connection_id)}, self.timeout)
