"""External assets: import, list, delete."""

from __future__ import annotations

from typing import Any

from dot_provider.api.call import Call
from dot_provider.api.models.external_asset import ExternalAsset
from dot_provider.api.models.records import Record, records_in
from dot_provider.api.paths import api_path, checked_id


def import_external_asset(asset: ExternalAsset) -> Call[Any]:
    """Import one external asset, or overwrite it where Dot has one with its id. Returns what Dot answered.

    ``POST /import_and_overwrite_external_asset``. An upsert by id, so a lost response is retried.
    """
    asset = ExternalAsset.from_record(asset)
    return Call(
        f"import external asset {asset.id}",
        "POST",
        api_path("import_and_overwrite_external_asset"),
        lambda document: document,
        body={"external_asset": asset.to_record()},
        url_auth=True,
    )


def list_external_assets() -> Call[list[Record]]:
    """List the external assets that Dot has, as it returns them. ``GET /external_assets``."""
    return Call(
        "list external assets",
        "GET",
        api_path("external_assets"),
        lambda document: records_in(document, "external_assets", "assets"),
    )


def delete_external_asset(asset_id: str) -> Call[Any]:
    """Delete an external asset. ``POST /delete_external_asset?asset_id=``."""
    if not isinstance(asset_id, str) or not asset_id.strip():
        checked_id("asset_id", asset_id)
    return Call(
        f"delete external asset {asset_id}",
        "POST",
        api_path("delete_external_asset"),
        lambda document: document,
        query={"asset_id": asset_id},
    )
