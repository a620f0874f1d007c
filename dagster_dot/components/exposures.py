"""``dagster_dot.DotExposuresComponent``: Dot's apps in the asset graph, kept between loads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import dagster as dg
from dagster.components import DefsStateConfig, DefsStateConfigArgs, ResolvedDefsStateConfig

from dagster_dot.asset_options import GROUP
from dagster_dot.components.base import Catalog, DotFields
from dagster_dot.components.connection import DotConnection
from dagster_dot.components.hints import field, text
from dagster_dot.components.scaffolding import ExposuresParams, scaffolded_by
from dagster_dot.exposures import exposure_spec, fetch_exposures, parented
from dot_provider.api import DotError
from dot_provider.dbt import DotExposure

_IN_THE_CODE_SERVER = "LEGACY_CODE_SERVER_SNAPSHOTS"


class DotExposures(DotFields, dg.Model):
    """Which of Dot's apps are shown, and where in the graph."""

    dbt_defs: Annotated[
        str | None,
        text("Folder in defs that holds the dbt project, whose models the apps rest on.", examples=["shop"]),
    ] = None
    connection_id: Annotated[str | None, text("Only apps of this dbt connection of Dot's.")] = None
    group_name: Annotated[str, text("Group in the asset graph.", advanced=True)] = GROUP
    defs_state: ResolvedDefsStateConfig = DefsStateConfigArgs.local_filesystem()


@scaffolded_by(ExposuresParams)
class DotExposuresComponent(DotExposures, dg.StateBackedComponent):
    """Shows Dot's dashboards and apps downstream of the dbt models they read.

    What Dot said last is kept as Dagster's definitions state: ``dg utils refresh-defs-state`` asks anew, and so does
    each load under ``dg dev``, unless ``defs_state`` says otherwise. Where Dot cannot be reached then, the code
    location loads with what was kept, and says so in its log. Override ``get_asset_spec`` to change the assets.
    """

    catalog: ClassVar = Catalog("Dot: show Dot's apps", "Dot's dashboards and apps downstream of dbt's models.")

    dot: Annotated[DotConnection, field("How Dot is reached: api_token, and region or base_url.")]

    @property
    def defs_state_config(self) -> DefsStateConfig:
        """Where Dagster keeps what Dot said; by server, environment and connection unless ``defs_state`` has a key."""
        dot = self.dot
        parts = [dot.base_url or dot.region or "us", dot.environment or "production", self.connection_id or "all"]
        named = ", ".join(getattr(part, "env_var_name", part) for part in parts)
        return DefsStateConfig.from_args(self.defs_state, default_key=f"DotExposuresComponent[{named}]")

    def get_asset_spec(self, exposure: DotExposure, parents: Sequence[dg.AssetKey]) -> dg.AssetSpec:
        """Return the spec of one app; the key is ``dot/apps/<name>`` by default."""
        return exposure_spec(exposure, parents, self.group_name)

    def write_state_to_path(self, state_path: Path) -> None:
        """Ask Dot, and keep its answer.

        Raises:
            DotError: Dot did not answer; what was kept before stays.
        """
        try:
            records = fetch_exposures(self.dot.get_resource(), self.connection_id)
        except DotError as error:
            if self.defs_state.management_type.value != _IN_THE_CODE_SERVER:
                raise
            # Nothing is kept between loads there, and Dagster wants a state.
            _log(f"Dot's apps are missing in the asset graph: {error}")
            records = []
        state_path.write_text(json.dumps(records), encoding="utf-8")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the apps, as Dot lists them now where Dagster asks for that, and else as they were kept."""
        try:
            return super().build_defs(context)
        except DotError as error:
            _log(f"Dot's apps in the asset graph are those that were kept before: {error}")
        kept = self.defs_state.model_copy(update={"refresh_if_dev": False})
        return super(DotExposuresComponent, self.model_copy(update={"defs_state": kept})).build_defs(context)

    def build_defs_from_state(self, context: dg.ComponentLoadContext, state_path: Path | None) -> dg.Definitions:
        """Return the apps as they were kept; none where Dot was never asked."""
        if state_path is None:
            _log("Dot's apps are missing in the asset graph until `dg utils refresh-defs-state` has run.")
            return dg.Definitions()
        records = json.loads(state_path.read_text(encoding="utf-8"))
        dbt_assets: Any = context.build_defs(Path(self.dbt_defs)).assets if self.dbt_defs else None
        return dg.Definitions(assets=[self.get_asset_spec(*pair) for pair in parented(records, dbt_assets or ())])


def _log(sentence: str) -> None:
    dg.get_dagster_logger("dagster_dot").warning(sentence)
