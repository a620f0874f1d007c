"""``dagster_dot.DotHistoryComponent``: Dot's conversations in a warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import dagster as dg

from dagster_dot.components.asset import DotAssetComponent
from dagster_dot.components.hints import field, form, type_spec
from dagster_dot.components.scaffolding import HistoryScaffolder
from dagster_dot.components.secrets import Secret
from dagster_dot.history import history_specs, history_step, loading
from dot_provider.api import DotUsageError
from dot_provider.history.window import DEFAULT_LOOKBACK_DAYS

if TYPE_CHECKING:
    from dot_provider.api import DotClient


@dg.scaffold_with(HistoryScaffolder)
class DotHistoryComponent(DotAssetComponent):
    """Loads conversations and messages into any warehouse that dlt knows; the same days twice give the same rows."""

    destination: Annotated[str, field("dlt's name of the warehouse.", examples=["duckdb", "snowflake"])]
    credentials: Secret | None = None
    dataset: Annotated[str, field("The schema that holds the tables.")] = "dot"
    start_date: Annotated[
        str | None, field("First day of daily partitions.", examples=["2026-01-01"], widget="date")
    ] = None
    key_prefix: Annotated[
        str | Sequence[str] | None, field("Prefix of both keys; the dataset by default.", advanced=True)
    ] = None
    lookback_days: Annotated[int, field("Days before the partition that are exported once more.", advanced=True)] = (
        DEFAULT_LOOKBACK_DAYS
    )
    include_all_workspaces: Annotated[bool, field("Also other workspaces of the token's user.", advanced=True)] = False
    destination_options: Annotated[
        Mapping[str, Any] | None, field("Further settings of the dlt destination.", advanced=True)
    ] = None

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec("Loads Dot's conversation history into a warehouse.", "asset")

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot: load the history")

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec of ``conversations``; that of ``messages`` differs in key and description."""
        return self._specs()[0]

    def get_asset_specs(self) -> Sequence[dg.AssetSpec]:
        """Return the specs of both tables."""
        return [self.get_asset_spec(), self._specs()[1]]

    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Export the days of the partitions and load them."""
        load = loading(
            [spec.key for spec in self.get_asset_specs()],
            destination=self.destination,
            credentials=self.credentials,
            dataset=self.dataset,
            lookback_days=self.lookback_days,
            include_all_workspaces=self.include_all_workspaces,
            destination_options=self.destination_options,
        )
        yield from load(context, client)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return both assets."""
        return dg.Definitions(assets=[history_step(self.get_asset_specs(), self.execute, self.step_options)])

    def _specs(self) -> list[dg.AssetSpec]:
        for name in ("key", "description"):
            if name in self.asset:
                raise DotUsageError(f"The history is two assets, so asset takes no {name}; key_prefix moves both.")
        given: Any = dict(self.asset)
        return history_specs(self.destination, self.dataset, self.start_date, self.key_prefix, **given)
