"""``dagster_dot.DotExternalAssetsComponent``: dashboards that Dot recommends, kept in step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import dagster as dg

from dagster_dot.components.asset import DotAssetComponent
from dagster_dot.components.hints import field, form, type_spec
from dagster_dot.components.scaffolding import ExternalAssetsScaffolder
from dagster_dot.external_assets import external_assets_spec, pushing

if TYPE_CHECKING:
    from dot_provider.api import DotClient


@dg.scaffold_with(ExternalAssetsScaffolder)
class DotExternalAssetsComponent(DotAssetComponent):
    """Pushes the exposures of a dbt project, or a list of dashboards, to Dot."""

    dbt_manifest: Annotated[
        str | None,
        field("manifest.json of a dbt project, or its folder.", examples=["{{ context.project_root }}/dbt/target"]),
    ] = None
    assets: Annotated[
        Sequence[Mapping[str, Any]] | None,
        field("Dashboards instead, each with id and subtype.", examples=[[{"id": "1", "subtype": "looker_dashboard"}]]),
    ] = None
    prune: Annotated[
        bool | Literal["delete", "deactivate"],
        field("What to do with assets of Dot's that are no longer listed."),
    ] = False
    dry_run: Annotated[bool, field("True to send nothing and show what would be done.")] = False

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec("Tells Dot of dashboards and data apps, so that it recommends them.", "asset")

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot: push external assets")

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/external_assets`` by default."""
        return external_assets_spec(**self.asset_options)

    def execute(self, context: dg.AssetExecutionContext, client: DotClient) -> Iterator[dg.MaterializeResult[object]]:
        """Push what Dot does not have in the same words."""
        push = pushing(
            self.get_asset_spec().key,
            assets=self.assets,
            dbt_manifest=self.dbt_manifest,
            prune=self.prune,
            dry_run=self.dry_run,
        )
        yield from push(context, client)
