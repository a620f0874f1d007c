"""``dagster_dot.DotHistoryComponent``: Dot's conversations in a warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import dagster as dg

from dagster_dot.asset_factory import Materialize
from dagster_dot.components.base import Catalog, DotAssetComponent
from dagster_dot.components.hints import field, reference, text
from dagster_dot.components.scaffolding import HistoryParams, scaffolded_by
from dagster_dot.history import history_specs, history_step, loading
from dot_provider.api import DotUsageError
from dot_provider.history.window import DEFAULT_LOOKBACK_DAYS


@scaffolded_by(HistoryParams)
class DotHistoryComponent(DotAssetComponent):
    """Loads conversations and messages into any warehouse that dlt knows; the same days twice give the same rows."""

    catalog: ClassVar = Catalog("Dot: load the history", "Loads Dot's conversation history into a warehouse.")

    destination: Annotated[str, text("dlt's name of the warehouse.", examples=["duckdb", "snowflake"])]
    credentials: Annotated[
        Any,
        reference(
            "What dlt takes as credentials: a URL, a path or a mapping, with references for what is secret.",
            examples=["{{ env.WAREHOUSE_URL }}"],
            written_as=str | dict[str, Any] | None,
        ),
    ] = None
    dataset: Annotated[str, text("The schema that holds the tables.")] = "dot"
    start_date: Annotated[
        str | None, text("First day of daily partitions.", examples=["2026-01-01"], widget="date")
    ] = None
    key_prefix: Annotated[
        str | Sequence[str] | None, field("Prefix of both keys; the dataset by default.", advanced=True)
    ] = None
    lookback_days: Annotated[int, field("Days before the partition that are exported once more.", advanced=True)] = (
        DEFAULT_LOOKBACK_DAYS
    )
    include_all_workspaces: Annotated[bool, field("Also other workspaces of the token's user.", advanced=True)] = False
    destination_options: Annotated[
        Any,
        reference("Further settings of the dlt destination.", written_as=dict[str, Any] | None, advanced=True),
    ] = None

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec of ``conversations``; that of ``messages`` differs in key and description."""
        return self._specs()[0]

    def get_asset_specs(self) -> Sequence[dg.AssetSpec]:
        """Return the specs of both tables."""
        return [self.get_asset_spec(), self._specs()[1]]

    def get_step(self) -> Materialize:
        """Return what exports the days of the partitions and loads them."""
        return loading([spec.key for spec in self.get_asset_specs()], **self.arguments(loading))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return both assets."""
        self.get_step()
        return self.definitions(history_step(self.get_asset_specs(), self.execute, self.step_options))

    def _specs(self) -> list[dg.AssetSpec]:
        for name in ("key", "description"):
            if name in self.asset:
                raise DotUsageError(f"The history is two assets, so asset takes no {name}; key_prefix moves both.")
        given: Any = dict(self.asset)
        return history_specs(self.destination, self.dataset, self.start_date, self.key_prefix, **given)
