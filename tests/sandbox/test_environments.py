from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.api import Api


@pytest.fixture
def environment(api: Api) -> str:
    """An environment made when production had one asset."""
    push(api, "a", "one")
    return str(api.post("/environments", {"name": "dev"}).json()["id"])


def push(api: Api, id_: str, name: str, environment: str | None = None) -> None:
    headers = {"X-Dot-Environment": environment} if environment else None
    asset = {"external_asset": {"id": id_, "subtype": "app", "name": name}}
    assert api.post("/import_and_overwrite_external_asset", asset, headers=headers).status_code == 200


def names(api: Api, environment: str | None = None) -> dict[str, str]:
    headers = {"X-Dot-Environment": environment} if environment else None
    return {asset["id"]: asset["name"] for asset in api.get("/external_assets", headers=headers).json()}


def test_the_header_keeps_changes_out_of_production(api: Api, environment: str) -> None:
    push(api, "a", "changed", environment)
    assert names(api, environment) == {"a": "changed"}
    assert names(api) == {"a": "one"}


def test_an_unknown_environment_is_404(api: Api) -> None:
    assert api.get("/external_assets", headers={"X-Dot-Environment": "none"}).status_code == 404
    assert api.get("/environments/none/diff").status_code == 404


def test_the_diff_shows_changed_and_removed_items(api: Api, environment: str) -> None:
    push(api, "b", "two", environment)
    api.post("/delete_external_asset?asset_id=a", headers={"X-Dot-Environment": environment})
    changes = api.get(f"/environments/{environment}/diff").json()["changes"]
    assert [(change["id"], change["change"]) for change in changes] == [("a", "removed"), ("b", "changed")]


def test_merging_needs_confirmation_and_brings_changes_to_production(api: Api, environment: str) -> None:
    push(api, "b", "two", environment)
    path = f"/environments/{environment}/merge"
    assert api.post(path, {}).status_code == 400
    assert api.post(path, {"confirm": True}).json()["merged"] == 1
    assert names(api) == {"a": "one", "b": "two"}
    assert api.get(f"/environments/{environment}/diff").json()["changes"] == []


def test_conflicts_stop_a_merge_until_production_is_taken_over(api: Api, environment: str) -> None:
    push(api, "a", "mine", environment)
    push(api, "a", "theirs")
    push(api, "c", "new in production")
    conflicts: list[dict[str, Any]] = api.get(f"/environments/{environment}/conflicts").json()["conflicts"]
    assert conflicts == [{"kind": "external_asset", "id": "a"}]
    assert api.post(f"/environments/{environment}/merge", {"confirm": True}).status_code == 409
    api.post(f"/environments/{environment}/update_from_production")
    assert names(api, environment) == {"a": "mine", "c": "new in production"}
    assert api.post(f"/environments/{environment}/merge", {"confirm": True}).status_code == 200
    assert names(api) == {"a": "mine", "c": "new in production"}


def test_targets_proposals_and_syncs_are_taken(api: Api, environment: str) -> None:
    targets = api.send("PUT", f"/environments/{environment}/targets", json={"targets": {"shop": "shop_dev"}})
    assert targets.json()["targets"] == {"shop": "shop_dev"}
    assert api.post(f"/environments/{environment}/sync_target").status_code == 200
    assert api.post(f"/environments/{environment}/proposal").json()["status"] == "proposed"


def test_deleting_needs_confirmation(api: Api, environment: str) -> None:
    assert api.send("DELETE", f"/environments/{environment}").status_code == 400
    assert api.send("DELETE", f"/environments/{environment}?confirm=true").status_code == 200
    assert api.get("/environments").json() == []
