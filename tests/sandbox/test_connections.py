from __future__ import annotations

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api


def test_a_sync_makes_its_connection_known(api: Api) -> None:
    assert api.post("/sync/snowflake/prod").json()["status"] == "success"
    (connection,) = api.get("/connections").json()
    assert (connection["id"], connection["type"]) == ("prod", "snowflake")
    assert connection["last_synced_at"] is not None


def test_an_id_with_missing_in_it_is_404(api: Api) -> None:
    assert api.post("/sync/snowflake/missing").status_code == 404


def test_with_a_list_of_connections_every_other_is_404() -> None:
    with Sandbox(connections=(("dbt", "shop"),)) as dot:
        api = Api(dot)
        assert [c["id"] for c in api.get("/connections").json()] == ["shop"]
        assert api.post("/sync/dbt/shop").status_code == 200
        assert api.post("/sync/snowflake/shop").status_code == 404


def test_tables_are_listed(api: Api) -> None:
    assert "orders" in {table["name"] for table in api.get("/tables").json()}


def test_the_catalog_sums_up(api: Api) -> None:
    api.post("/sync/dbt/shop")
    for number in range(2):
        asset = {"id": f"a{number}", "subtype": "looker_dashboard"}
        api.post("/import_and_overwrite_external_asset", {"external_asset": asset})
    catalog = api.get("/cli/catalog").json()
    assert catalog["connections"] == [{"id": "shop", "type": "dbt", "table_count": 3}]
    assert catalog["external_assets"] == {"looker_dashboard": 2}
    assert catalog["total_tables"] == len(catalog["tables"]) == 3
