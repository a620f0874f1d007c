"""Pushing dashboards and data apps into Dot as external assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator
from dot_provider.operators.paths import AnyPath, as_text, opened

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dot_provider.api.external_assets import ExternalAsset
    from dot_provider.api.push import Prune


class DotPushExternalAssetsOperator(DotOperator):
    """Import external assets, so that Dot recommends them in its answers; what Dot already has is not sent again.

    ``POST /import_and_overwrite_external_asset`` for each. One that fails does not keep the others from being sent; the
    task then fails, and XCom ``report`` holds what became of each.

    Args:
        assets: ``ExternalAsset`` objects or mappings with their fields: a list, or the XCom of a task that returns one.
        assets_file: a JSON, YAML or CSV file with one asset per row, local or in object storage.
        dbt_manifest: dbt's ``manifest.json``, its path or that of the target folder; each exposure becomes an asset,
            but for Dot's own; see ``dot_provider.dbt.external_assets_from_manifest``.
        skip_files: files of the dbt project whose exposures are left out, as paths inside it.
        prune: what to do with assets that are no longer listed, within subtype and folder of the listed ones: nothing
            (False), delete them (True or ``"delete"``) or hide them (``"deactivate"``). Nothing where an import failed.
        dry_run: True to send nothing and report what would be done.
        subtype: limits pruning to this subtype; needed to prune with an empty list.
        folder: limits pruning to this folder.

    Returns:
        The number of assets by outcome: sent, unchanged, failed, deleted, deactivated, kept; in a dry run would send,
        would delete, would deactivate.

    Raises:
        DotUsageError: when the DAG is parsed, unless exactly one source is given.

    Example:
        >>> DotPushExternalAssetsOperator(task_id="push", dbt_manifest="/opt/dbt/shop/target")
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        *("assets", "assets_file", "dbt_manifest", "prune", "is_dry_run", "subtype", "folder", "skip_files"),
    )
    template_fields_renderers = {"assets": "json"}

    def __init__(
        self,
        *,
        assets: Iterable[ExternalAsset | Mapping[str, Any]] | None = None,
        assets_file: AnyPath | None = None,
        dbt_manifest: AnyPath | Mapping[str, Any] | None = None,
        skip_files: Sequence[str] = (),
        prune: bool | Prune = False,
        dry_run: bool = False,
        subtype: str | None = None,
        folder: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sum(source is not None for source in (assets, assets_file, dbt_manifest)) != 1:
            raise DotUsageError(f"Task {self.task_id}: give exactly one of assets, assets_file and dbt_manifest.")
        self.assets = assets
        self.assets_file = as_text(assets_file)
        self.dbt_manifest = as_text(dbt_manifest)
        self.skip_files = skip_files
        self.prune = prune
        self.is_dry_run = dry_run  # BaseOperator has a method dry_run
        self.subtype = subtype
        self.folder = folder

    def execute(self, context: Context) -> dict[str, int]:
        """Read the assets, push them, and return how many had which outcome."""
        with self.dot() as dot:
            report = dot.push_external_assets(
                self._rows(dot.server.origin), self.prune, self.is_dry_run, subtype=self.subtype, folder=self.folder
            )
            context["ti"].xcom_push(key="report", value=report.to_records())
            self.describe_outlets(context, report.counts)
            return report.require_complete().counts

    def _rows(self, origin: str) -> Sequence[Any]:
        from dot_provider.api.asset_file import read_asset_rows
        from dot_provider.dbt import external_assets_from_manifest

        if self.assets_file is not None:
            rows = read_asset_rows(opened(self.assets_file, "assets_file"))
            if not rows:
                self.log.warning("%s holds no assets.", self.assets_file)
            return rows
        if self.dbt_manifest is not None:
            manifest = self.dbt_manifest
            return external_assets_from_manifest(
                manifest if isinstance(manifest, Mapping) else opened(manifest, "dbt_manifest"),
                skip_files=self.skip_files,
                origin=origin,
                report=self.log.info,
            )
        if isinstance(self.assets, str | bytes | Mapping) or not isinstance(self.assets, Iterable):
            raise DotUsageError(f"assets must be a list of assets, not {type(self.assets).__name__}.")
        return list(self.assets)
