"""``dagster_dot.DotExternalAssetsComponent``: dashboards that Dot recommends, kept in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import dagster as dg

from dagster_dot.asset_factory import Materialize
from dagster_dot.components.base import Catalog, DotAssetComponent
from dagster_dot.components.hints import field, text
from dagster_dot.components.scaffolding import ExternalAssetsParams, scaffolded_by
from dagster_dot.external_assets import external_assets_spec, pushing


@scaffolded_by(ExternalAssetsParams)
class DotExternalAssetsComponent(DotAssetComponent):
    """Pushes the exposures of a dbt project, or a list of dashboards, to Dot."""

    catalog: ClassVar = Catalog(
        "Dot: push external assets", "Tells Dot of dashboards and data apps, so that it recommends them."
    )

    dbt_manifest: Annotated[
        str | None,
        text("manifest.json of a dbt project, or its folder.", examples=["{{ context.project_root }}/dbt/target"]),
    ] = None
    assets: Annotated[
        Sequence[Mapping[str, Any]] | None,
        field("Dashboards instead, each with id and subtype.", examples=[[{"id": "1", "subtype": "looker_dashboard"}]]),
    ] = None
    assets_file: Annotated[
        str | None, text("A JSON, YAML or CSV file with one dashboard per row instead.", examples=["dashboards.csv"])
    ] = None
    prune: Annotated[
        bool | Literal["delete", "deactivate"],
        field("What to do with assets of Dot's that are no longer listed."),
    ] = False
    subtype: Annotated[str | None, text("Prune only assets of this subtype.", examples=["looker_dashboard"])] = None
    folder: Annotated[str | None, text("Prune only assets in this folder.")] = None
    dry_run: Annotated[bool, field("True to send nothing and show what would be done.")] = False

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/external_assets`` by default."""
        return external_assets_spec(**self.asset_options)

    def get_step(self) -> Materialize:
        """Return what pushes whatever Dot does not have in the same words."""
        return pushing(self.get_asset_spec().key, **self.arguments(pushing))
