"""Dagster runs of tests, and what one wants to know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class Run:
    """A finished run."""

    result: dg.ExecuteInProcessResult

    @property
    def success(self) -> bool:
        return self.result.success

    def metadata(self, key: str | Sequence[str]) -> Mapping[str, Any]:
        """The metadata of the only materialization of an asset, as plain values."""
        wanted = dg.AssetKey.from_user_string(key) if isinstance(key, str) else dg.AssetKey(key)
        found = [event.materialization for event in self.result.get_asset_materialization_events()]
        (only,) = [materialization for materialization in found if materialization.asset_key == wanted]
        return {name: value.value for name, value in only.metadata.items()}

    @property
    def materialized(self) -> list[str]:
        events = self.result.get_asset_materialization_events()
        return [event.materialization.asset_key.to_user_string() for event in events]

    @property
    def failure(self) -> tuple[str, Mapping[str, Any]]:
        """Description and metadata of the one step that failed."""
        (event,) = self.result.get_step_failure_events()
        data = event.step_failure_data.user_failure_data
        assert data is not None, event.step_failure_data.error
        return str(data.description), {name: value.value for name, value in (data.metadata or {}).items()}

    @property
    def retries(self) -> int:
        return sum(event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY for event in self.result.all_events)


@dataclass(frozen=True)
class Runner:
    """Runs assets in this process on one instance."""

    instance: dg.DagsterInstance
    resources: Mapping[str, Any]

    def materialize(self, assets: Sequence[Any], **settings: Any) -> Run:
        return Run(
            dg.materialize(
                assets, instance=self.instance, resources=dict(self.resources), raise_on_error=False, **settings
            )
        )
