from __future__ import annotations

import pytest

from tests.sandbox.api import Api

PATH = "/import_and_overwrite_external_asset"


def test_an_import_is_an_upsert_by_id(api: Api) -> None:
    asset = {"id": "looker.7", "subtype": "looker_dashboard", "name": "Old"}
    assert api.post(PATH, {"external_asset": asset}).json()["replaced"] is False
    assert api.post(PATH, {"external_asset": {**asset, "name": "New"}}).json()["replaced"] is True
    (stored,) = api.get("/external_assets").json()
    assert (stored["name"], stored["active"], stored["view_count"]) == ("New", True, 0)


def test_unknown_fields_are_kept(api: Api) -> None:
    api.post(PATH, {"external_asset": {"id": "a", "subtype": "app", "team": "finance"}})
    assert api.get("/external_assets").json()[0]["team"] == "finance"


@pytest.mark.parametrize("asset", [{}, {"id": "a"}, {"id": "", "subtype": "app"}, {"id": "a", "subtype": None}])
def test_an_asset_without_id_or_subtype_is_422(api: Api, asset: dict[str, object]) -> None:
    response = api.post(PATH, {"external_asset": asset})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"][:2] == ["body", "external_asset"]


def test_an_asset_can_be_deleted_once(api: Api) -> None:
    api.post(PATH, {"external_asset": {"id": "a/b c", "subtype": "app"}})
    statuses = [api.post("/delete_external_asset", params={"asset_id": "a/b c"}).status_code for _ in range(2)]
    assert statuses == [200, 404]
    assert api.get("/external_assets").json() == []
