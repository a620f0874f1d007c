"""``dagster_dot.DotSyncComponent``: a connection that is synced after its upstream assets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg

from dagster_dot.automation import after_upstream_updates
from dagster_dot.components.asset import DotAssetComponent
from dagster_dot.components.hints import form, type_spec
from dagster_dot.components.scaffolding import SyncScaffolder
from dagster_dot.components.texts import text
from dagster_dot.sync import sync_spec, syncing

if TYPE_CHECKING:
    from dot_provider.api import DotClient


@dg.scaffold_with(SyncScaffolder)
class DotSyncComponent(DotAssetComponent):
    """Syncs a connection, so that Dot answers from today's tables and models.

    With dependencies, and without an automation condition of its own, it runs after their updates and loses none.
    """

    connection_type: Annotated[
        str, text("connection_type", "Type of the connection.", examples=["dbt", "snowflake"], placeholder="dbt")
    ]
    connection_id: Annotated[
        str, text("connection_id", "The connection's id, as Dot's settings show it.", examples=["shop"])
    ]

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec("Syncs a connection of Dot's after its upstream assets were updated.", "asset")

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot: sync a connection")

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/<type>/<id>`` by default."""
        options = self.asset_options
        if options.get("deps"):
            options = {"automation_condition": after_upstream_updates(), **options}
        return sync_spec(self.connection_type, self.connection_id, **options)

    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Sync the connection."""
        connection = (self.connection_type, self.connection_id)
        yield from syncing({self.get_asset_spec().key: connection})(context, client)
