"""Pushing assets, and specs as the BI integrations make them, read off their documentation and source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_dot import build_dot_external_assets_asset
from dagster_dot.external_assets import external_asset_of
from dot_provider.api import DotUsageError, ExternalAsset
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run
from tests.fixtures_dbt import Shop

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


Materialize = Callable[..., Run]
SALES = ExternalAsset(id="sales", subtype="looker_dashboard", folder="bi", name="Sales")
KEY = "dot/external_assets"


def known(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    return dict(sandbox.workspace.production.assets)


def test_assets_arrive_and_are_counted(materialize: Materialize, sandbox: Sandbox) -> None:
    run = materialize(build_dot_external_assets_asset(assets=[SALES, {"id": "churn", "subtype": "looker_look"}]))
    assert set(known(sandbox)) == {"sales", "churn"}
    metadata = run.metadata(KEY)
    assert (metadata["dagster/row_count"], metadata["sent"]) == (2, 2)
    assert [record.data["id"] for record in metadata["changes"].records] == ["sales", "churn"]


def test_a_second_time_nothing_is_sent(materialize: Materialize) -> None:
    made = build_dot_external_assets_asset(assets=[SALES])
    materialize(made)
    metadata = materialize(made).metadata(KEY)
    assert metadata["unchanged"] == 1
    assert "changes" not in metadata


def test_a_dbt_projects_exposures_arrive(materialize: Materialize, sandbox: Sandbox, shop: Shop) -> None:
    materialize(build_dot_external_assets_asset(dbt_manifest=shop.target_path))
    assert set(known(sandbox)) == {"dbt.exposure.shop.customer_retention", "dbt.exposure.shop.sales_overview"}


def test_a_function_is_called_when_the_step_runs(materialize: Materialize, sandbox: Sandbox) -> None:
    listed: list[Any] = []
    made = build_dot_external_assets_asset(assets=lambda: listed)
    listed.append(SALES)
    materialize(made)
    assert set(known(sandbox)) == {"sales"}


def test_assets_of_a_bi_integration_are_translated(materialize: Materialize, sandbox: Sandbox) -> None:
    spec = dg.AssetSpec("sales", kinds={"tableau", "dashboard"})
    materialize(build_dot_external_assets_asset(assets=[dg.AssetsDefinition(specs=[spec])]))
    assert known(sandbox)["sales"]["subtype"] == "tableau_dashboard"


def test_what_is_no_longer_listed_is_hidden(materialize: Materialize, sandbox: Sandbox) -> None:
    other = ExternalAsset(id="old", subtype="looker_dashboard", folder="bi")
    materialize(build_dot_external_assets_asset(assets=[SALES, other]))
    materialize(build_dot_external_assets_asset(assets=[SALES], prune="deactivate"))
    assert known(sandbox)["old"]["active"] is False


def test_a_dry_run_sends_nothing(materialize: Materialize, sandbox: Sandbox) -> None:
    run = materialize(build_dot_external_assets_asset(assets=[SALES], dry_run=True))
    assert known(sandbox) == {}
    assert run.metadata(KEY)["dry_run"] is True


def test_one_that_fails_is_named_and_the_rest_is_sent(materialize: Materialize, sandbox: Sandbox) -> None:
    sandbox.fail_next("/import_and_overwrite_external_asset", status=422, detail="too long")
    other = ExternalAsset(id="churn", subtype="looker_dashboard")
    run = materialize(build_dot_external_assets_asset(assets=[SALES, other]))
    assert len(known(sandbox)) == 1
    description, metadata = run.failure
    assert "1 of 2 external assets failed" in description
    assert len(metadata["failed"]) == 1


def test_the_assets_may_stand_in_a_file(materialize: Callable[..., Run], sandbox: Sandbox, tmp_path: Path) -> None:
    (path := tmp_path / "assets.csv").write_text("id,name,subtype\n1,Sales,looker_dashboard\n")
    materialize(build_dot_external_assets_asset(assets_file=path))
    assert list(known(sandbox)) == ["1"]


@pytest.mark.parametrize("arguments", [{}, {"assets": [SALES], "dbt_manifest": "target"}])
def test_exactly_one_source_is_needed(arguments: dict[str, Any]) -> None:
    with pytest.raises(DotUsageError, match="exactly one of assets, assets_file and dbt_manifest"):
        build_dot_external_assets_asset(**arguments)


def test_an_unknown_way_to_prune_is_refused_when_the_code_loads() -> None:
    with pytest.raises(DotUsageError, match="prune must be true, false, 'delete' or 'deactivate', not 'hide'"):
        build_dot_external_assets_asset(assets=[SALES], prune="hide")  # type: ignore[arg-type]


def test_a_file_without_assets_is_told(
    materialize: Callable[..., Run], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (path := tmp_path / "dashboards.csv").write_text("id,name,subtype\n")
    assert materialize(build_dot_external_assets_asset(assets_file=path)).success
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "WARNING" in line]
    assert str(path) in line
