"""Specs as the BI integrations make them, read off their documentation and source."""

from __future__ import annotations

import dagster as dg
import pytest

from dagster_dot.external_asset_spec import external_asset_of

TABLEAU = dg.AssetSpec(
    ["sales", "dashboard", "revenue"],
    deps=[["sales", "sheet", "weekly"]],
    tags={"dagster-tableau/asset_type": "dashboard"},
    metadata={"dagster-tableau/id": "1a2b"},
    kinds={"tableau", "dashboard"},
    owners=["ann@example.com"],
)
POWER_BI = dg.AssetSpec(
    ["dashboard", "Revenue_2026"],
    tags={"dagster-powerbi/asset_type": "dashboard"},
    metadata={"dagster-powerbi/web_url": dg.MetadataValue.url("https://app.powerbi.com/d/1")},
    kinds={"powerbi", "dashboard"},
)
SIGMA = dg.AssetSpec(
    "Sample_Workbook",
    tags={"dagster-sigma/asset_type": "workbook"},
    metadata={"dagster_sigma/web_url": dg.MetadataValue.url("https://app.sigmacomputing.com/w/1")},
    kinds={"sigma", "workbook"},
)
LOOKER = dg.AssetSpec("revenue_1", kinds={"looker", "dashboard"}, description="Revenue by day.")
OMNI = dg.AssetSpec(
    "analysis/revenue",
    kinds={"omni", "document"},
    metadata={"url": dg.MetadataValue.url("https://example.omniapp.co/dashboards/1"), "name": "Revenue"},
)


@pytest.mark.parametrize(
    ("spec", "subtype"),
    [
        (TABLEAU, "tableau_dashboard"),
        (POWER_BI, "powerbi_dashboard"),
        (SIGMA, "sigma_workbook"),
        (LOOKER, "looker_dashboard"),
        (OMNI, "omni_document"),
        (dg.AssetSpec("plain"), "dagster_asset"),
    ],
)
def test_the_subtype_names_tool_and_type(spec: dg.AssetSpec, subtype: str) -> None:
    assert external_asset_of(spec).subtype == subtype


def test_the_id_is_the_key_so_that_pushing_again_overwrites() -> None:
    assert external_asset_of(TABLEAU).id == "sales/dashboard/revenue"


def test_the_link_is_the_web_address_among_the_metadata() -> None:
    assert external_asset_of(POWER_BI).url == "https://app.powerbi.com/d/1"
    assert external_asset_of(TABLEAU).url == ""


def test_the_name_is_the_tools_title_or_the_keys_end() -> None:
    assert external_asset_of(OMNI).name == "Revenue"
    assert external_asset_of(POWER_BI).name == "Revenue 2026"


def test_dot_reads_owner_description_and_what_it_is_built_from() -> None:
    assert external_asset_of(TABLEAU).dot_description == (
        "# revenue\n\n- Owner: ann@example.com\n\n## Built from\n\n- sales/sheet/weekly"
    )
    assert "Revenue by day." in str(external_asset_of(LOOKER).dot_description)
