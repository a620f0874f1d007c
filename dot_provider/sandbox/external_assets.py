"""External assets: dashboards and apps that Dot recommends to its users."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from dot_provider.sandbox.auth import Modeler, ModelerByUrl, SignedIn
from dot_provider.sandbox.environments import InContent

router = APIRouter(prefix="/api")


class Asset(BaseModel):
    """An external asset as it is sent; fields that are not known here are kept."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(min_length=1)
    subtype: str = Field(min_length=1)
    folder: str | None = None
    name: str | None = None
    description: str | None = None
    url: str | None = None
    active: bool = True
    view_count: int = 0
    last_accessed_at: str | None = None
    dot_description: str | None = None


@router.post("/import_and_overwrite_external_asset")
async def import_and_overwrite(
    _: ModelerByUrl, content: InContent, external_asset: Annotated[Asset, Body(embed=True)]
) -> dict[str, Any]:
    """Create an external asset, or replace the one with the same id."""
    replaced = external_asset.id in content.assets
    content.assets[external_asset.id] = external_asset.model_dump()
    return {"status": "success", "id": external_asset.id, "replaced": replaced}


@router.get("/external_assets")
async def external_assets(_: SignedIn, content: InContent) -> list[dict[str, Any]]:
    """List the external assets."""
    return list(content.assets.values())


@router.post("/delete_external_asset")
async def delete(_: Modeler, content: InContent, asset_id: str) -> dict[str, Any]:
    """Delete an external asset."""
    if content.assets.pop(asset_id, None) is None:
        raise HTTPException(404, f"External asset {asset_id} not found")
    return {"status": "success", "id": asset_id}
