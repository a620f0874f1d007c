"""A component as a team would write it to change what ours does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import dagster as dg

from dagster_dot import DotSyncComponent


class CountingSync(DotSyncComponent):
    """Another key, and something done before each sync."""

    executed: ClassVar[list[str]] = []

    def get_asset_spec(self) -> dg.AssetSpec:
        return super().get_asset_spec().replace_attributes(key=dg.AssetKey(["knowledge", self.connection_id]))

    def execute(self, context: dg.AssetExecutionContext, client: Any) -> Iterator[dg.MaterializeResult[object]]:
        self.executed.append(self.connection_id)
        yield from super().execute(context, client)
