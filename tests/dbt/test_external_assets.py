"""Exposures as external assets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dot_provider.api.errors import DotUsageError
from dot_provider.dbt import external_assets_from_manifest
from tests.fixtures_dbt import Shop

SALES_OVERVIEW = """\
# Sales overview

Revenue per day and per product. The sales team opens it every Monday.

- Type: dashboard
- Owner: Sales analytics <sales-analytics@example.com>
- Link: https://bi.example.com/dashboards/sales-overview
- Maturity: high

## Built from

### daily_revenue (`warehouse.main.daily_revenue`)

One row per day with at least one completed order.

| column | type | description |
|---|---|---|
| day |  | The day on which the orders were placed. |
| order_count |  | Completed orders of the day. |
| customer_count |  | Different customers among them. |
| revenue |  | Value of the completed orders, in euros. |

### product_sales (`warehouse.main.product_sales`)

One row per product, with what completed orders sold of it.
"""


def manifest_of(exposure: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"},
        "nodes": {},
        "exposures": {"exposure.shop.board": {"name": "board", "type": "dashboard", **exposure}},
        **sections,
    }


def description_of(exposure: dict[str, Any], **sections: Any) -> str:
    (asset,) = external_assets_from_manifest(manifest_of(exposure, **sections))
    assert asset.dot_description is not None
    return asset.dot_description


def test_each_exposure_becomes_one_asset_sorted_by_id(shop: Shop) -> None:
    assets = external_assets_from_manifest(shop.target_path)
    assert [(asset.id, asset.subtype) for asset in assets] == [
        ("dbt.exposure.shop.customer_retention", "dbt_notebook"),
        ("dbt.exposure.shop.sales_overview", "dbt_dashboard"),
    ]


def test_a_dashboard_keeps_its_name_place_text_and_link(shop: Shop) -> None:
    (asset,) = external_assets_from_manifest(shop.target_path / "manifest.json", types=["dashboard"])
    assert asset.name == "Sales overview"
    assert asset.folder == "shop/marts"
    assert asset.description == "Revenue per day and per product. The sales team opens it every Monday."
    assert asset.url == "https://bi.example.com/dashboards/sales-overview"


def test_dot_is_told_about_the_owner_the_models_and_their_columns(shop: Shop) -> None:
    (asset,) = external_assets_from_manifest(shop.target_path, types=["dashboard"])
    assert asset.dot_description is not None
    assert asset.dot_description.startswith(SALES_OVERVIEW)


def test_an_exposure_without_a_url_is_an_asset_without_a_link(shop: Shop) -> None:
    (asset,) = external_assets_from_manifest(shop.target_path, types=["notebook"])
    assert asset.url == ""
    assert "Link" not in (asset.dot_description or "")


def test_the_same_manifest_gives_the_same_assets(shop: Shop) -> None:
    manifest = json.loads((shop.target_path / "manifest.json").read_text())
    assert external_assets_from_manifest(manifest) == external_assets_from_manifest(shop.target_path)


def test_exposures_that_dot_itself_wrote_can_be_left_out(shop: Shop) -> None:
    assert external_assets_from_manifest(shop.target_path, skip_files=["models/marts/_exposures.yml"]) == []


def test_a_project_without_exposures_gives_no_assets() -> None:
    manifest = manifest_of({})
    del manifest["exposures"]
    assert external_assets_from_manifest(manifest) == []


def test_a_bare_exposure_is_enough() -> None:
    (asset,) = external_assets_from_manifest(manifest_of({"label": None, "description": None, "url": None}))
    assert (asset.id, asset.name, asset.folder, asset.url) == ("dbt.exposure.shop.board", "board", "", "")
    assert asset.dot_description == "# board\n\n- Type: dashboard"


@pytest.mark.parametrize(
    ("owner", "line"),
    [
        ({"name": "Ada", "email": "ada@example.com"}, "- Owner: Ada <ada@example.com>"),
        ({"name": "Ada"}, "- Owner: Ada"),
        ({"email": "ada@example.com"}, "- Owner: ada@example.com"),
        ({"email": ["a@example.com", "b@example.com"]}, "- Owner: a@example.com, b@example.com"),
    ],
)
def test_an_owner_is_named_by_what_is_known(owner: dict[str, Any], line: str) -> None:
    assert line in description_of({"owner": owner}).splitlines()


def test_a_source_is_named_with_its_table_and_a_model_with_its_version() -> None:
    description = description_of(
        {"depends_on": {"nodes": ["source.shop.web.visits", "model.shop.orders.v2", "model.shop.gone"]}},
        sources={"source.shop.web.visits": {"name": "visits", "source_name": "web"}},
        nodes={"model.shop.orders.v2": {"name": "orders", "version": 2}},
    )
    assert [line for line in description.splitlines() if line.startswith("###")] == [
        "### web.visits",
        "### orders (version 2)",
        "### model.shop.gone",
    ]


def test_a_column_description_cannot_break_the_table() -> None:
    columns = {"state": {"name": "state", "data_type": "varchar", "description": "open |\nclosed"}}
    description = description_of(
        {"depends_on": {"nodes": ["model.shop.orders"]}},
        nodes={"model.shop.orders": {"name": "orders", "columns": columns}},
    )
    assert description.splitlines()[-1] == r"| state | varchar | open \| closed |"


def test_another_file_than_a_manifest_is_refused(shop: Shop) -> None:
    with pytest.raises(DotUsageError, match="run-results artifact, and manifest is needed"):
        external_assets_from_manifest(shop.target_path / "run_results.json")
