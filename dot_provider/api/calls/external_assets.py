"""External assets: import, list, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dot_provider.api.call import Call
from dot_provider.api.models.external_asset import ExternalAsset, StoredAsset
from dot_provider.api.models.records import records_in
from dot_provider.api.models.reply import Reply
from dot_provider.api.paths import api_path, checked_line


def import_external_asset(asset: ExternalAsset | Mapping[str, Any]) -> Call[Reply]:
    """Import one external asset, or overwrite it where Dot has one with its id.

    ``POST /import_and_overwrite_external_asset``. An upsert by id, so a lost response is retried. A mapping with the
    fields of an ``ExternalAsset`` is taken too.
    """
    asset = ExternalAsset.from_record(asset)
    return Call(
        f"import external asset {asset.id}",
        "POST",
        api_path("import_and_overwrite_external_asset"),
        Reply,
        body={"external_asset": asset.to_record()},
        url_auth=True,
    )


def list_external_assets() -> Call[list[StoredAsset]]:
    """List the external assets that Dot has. ``GET /external_assets``."""
    return Call(
        "list external assets",
        "GET",
        api_path("external_assets"),
        lambda document: [StoredAsset.from_record(r) for r in records_in(document, "external_assets", "assets")],
    )


def delete_external_asset(asset_id: str) -> Call[Reply]:
    """Delete an external asset. ``POST /delete_external_asset?asset_id=``."""
    return Call(
        f"delete external asset {asset_id}",
        "POST",
        api_path("delete_external_asset"),
        Reply,
        query={"asset_id": checked_line("asset_id", asset_id)},
    )
