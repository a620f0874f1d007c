"""What the components of single assets have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from dagster_dot.components.asset_fields import AssetFields
from dagster_dot.components.step import DotStepComponent
from dagster_dot.spec import AssetOptions
from dagster_dot.step import build_step

if TYPE_CHECKING:
    from dot_provider.api import DotClient


class DotAssetComponent(DotStepComponent):
    """A component that makes one asset of Dot's. Override ``get_asset_spec`` or ``execute`` to change what it does."""

    asset: AssetFields = Field(default_factory=dict)

    @abstractmethod
    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec of the asset."""

    @abstractmethod
    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Do the work of the step with Dot's client, and yield the materialization."""

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the asset; the resource comes from elsewhere in the project, or from the workspace component."""
        return dg.Definitions(assets=[build_step([self.get_asset_spec()], self.execute, self.step_options)])

    @property
    def asset_options(self) -> AssetOptions:
        """The fields of ``asset`` that were given."""
        given: Any = dict(self.asset)
        options: AssetOptions = given
        return options
