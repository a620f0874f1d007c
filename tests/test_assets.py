"""``dot://`` assets of Airflow: one spelling, one name, known to OpenLineage."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.sdk import Asset

from dot_provider.assets import create_asset, openlineage_dataset, sanitize_uri


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("dot://App.GetDot.ai/chat/c-1", "dot://app.getdot.ai/chat/c-1"),
        ("dot://app.getdot.ai/table//Analytics.orders/", "dot://app.getdot.ai/table/Analytics.orders"),
        ("dot://app.getdot.ai/history", "dot://app.getdot.ai/history"),
        ("dot://localhost:8800/connection/dbt/shop", "dot://localhost:8800/connection/dbt/shop"),
    ],
)
def test_an_asset_has_one_spelling(written: str, kept: str) -> None:
    assert sanitize_uri(urlsplit(written)).geturl() == kept
    assert Asset(written).uri == kept


@pytest.mark.parametrize(
    "written", ["dot://host/chat", "dot://host/nothing/x", "dot:///chat/x", "dot://host/chat/x?y=1"]
)
def test_what_could_be_taken_for_another_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="dot://HOST/KIND/NAME"):
        Asset(written)


def test_the_factory_names_it_by_its_address() -> None:
    asset = create_asset(kind="connection", name="dbt/shop")
    assert asset.name == asset.uri == "dot://app.getdot.ai/connection/dbt/shop"


def test_openlineage_knows_it() -> None:
    pytest.importorskip("airflow.providers.openlineage")
    from airflow.providers.openlineage.utils.utils import translate_airflow_asset

    dataset = translate_airflow_asset(Asset("dot://app.getdot.ai/table/analytics.orders"), None)
    assert (dataset.namespace, dataset.name) == ("dot://app.getdot.ai", "table/analytics.orders")
    assert openlineage_dataset(Asset("dot://app.getdot.ai/history"), None).name == "history"
