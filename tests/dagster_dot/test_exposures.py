from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_exposure_specs
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox

ORDERS = dg.AssetSpec(["marts", "orders"], metadata={"dagster_dbt/unique_id": "model.shop.orders"})
VISITS = dg.AssetSpec(["web", "visits"], metadata={"dagster_dbt/unique_id": "source.shop.web.visits"})
REVIEW: dict[str, Any] = {
    "name": "weekly_review",
    "label": "Weekly review",
    "type": "application",
    "url": "https://app.getdot.ai/a/1",
    "description": "What the team looks at.",
    "owner": {"name": "Ann", "email": "ann@example.com"},
    "depends_on": ["ref('orders')", "source('web', 'visits')", "ref('elsewhere')"],
}


def specs(*records: dict[str, Any]) -> list[dg.AssetSpec]:
    return build_dot_exposure_specs(dbt_assets=[ORDERS, VISITS], exposures=records)


def test_an_app_is_downstream_of_the_right_dbt_models() -> None:
    (spec,) = specs(REVIEW)
    assert [dep.asset_key.to_user_string() for dep in spec.deps] == ["marts/orders", "web/visits", "elsewhere"]


def test_the_app_shows_its_title_link_owner_and_type() -> None:
    (spec,) = specs(REVIEW)
    assert spec.key == dg.AssetKey(["dot", "apps", "weekly_review"])
    assert spec.metadata["url"] == dg.MetadataValue.url("https://app.getdot.ai/a/1")
    assert (spec.metadata["title"], spec.owners, spec.kinds) == (
        "Weekly review",
        ["ann@example.com"],
        {"dot", "application"},
    )


def test_an_owner_that_dagster_would_refuse_is_metadata_only() -> None:
    (spec,) = specs({**REVIEW, "owner": {"name": "The growth team", "email": "growth"}})
    assert spec.owners == []
    assert spec.metadata["owner"] == "The growth team"


def test_dot_is_asked_when_the_code_location_loads(dot: DotResource, sandbox: Sandbox) -> None:
    made = build_dot_exposure_specs(dbt_assets=[ORDERS], dot=dot)
    assert dg.AssetKey(["marts", "orders"]) in {dep.asset_key for spec in made for dep in spec.deps}
    assert [request.path for request in sandbox.requests] == ["/api/dbt/exposures"]


def test_a_dot_that_is_down_does_not_take_the_code_location_down(dot: DotResource, sandbox: Sandbox) -> None:
    sandbox.fail_next("/dbt/exposures", status=403)
    assert build_dot_exposure_specs(dbt_assets=[ORDERS], dot=dot) == []


def test_the_specs_load_as_external_assets() -> None:
    defs = dg.Definitions(assets=[ORDERS, VISITS, *specs(REVIEW)])
    graph = defs.resolve_asset_graph()
    assert not graph.get(dg.AssetKey(["dot", "apps", "weekly_review"])).is_materializable


def test_exactly_one_source_is_needed() -> None:
    with pytest.raises(DotUsageError, match="one of the two"):
        build_dot_exposure_specs(dbt_assets=[ORDERS])


NAMES = [
    "Weekly review",
    "weekly_review",
    "weekly review",
    "Weekly review",
    "週報",
    "月報",
    "??",
    "...",
    "x" * 300,
    "a/b",
]


def test_whatever_apps_are_called_in_dot_each_is_an_asset() -> None:
    made = specs(*({**REVIEW, "name": name, "label": None} for name in NAMES))
    dg.Definitions(assets=made).resolve_asset_graph()
    assert [spec.metadata["title"] for spec in made] == NAMES
    assert made[1].key.path[-1] == "weekly_review"


@pytest.mark.parametrize(
    "email", ["änn@example.com", "ann@example.technology", "a b@c.d", "team:", "x" * 500 + "@y.zz"]
)
@pytest.mark.parametrize("kind", ["アプリ", "a b/c", "x" * 300])
def test_whatever_owner_and_type_an_app_has_the_code_location_loads(email: str, kind: str) -> None:
    (spec,) = specs({**REVIEW, "type": kind, "owner": {"name": "Ann", "email": email}})
    dg.Definitions(assets=[spec]).resolve_asset_graph()


@pytest.mark.parametrize("record", [{}, {"name": None}, {"name": ""}, {"name": "x", "depends_on": 7}, "text", None])
def test_an_app_that_cannot_be_read_does_not_take_the_code_location_down(record: Any) -> None:
    made = specs(record, REVIEW)
    dg.Definitions(assets=made).resolve_asset_graph()
    assert dg.AssetKey(["dot", "apps", "weekly_review"]) in {spec.key for spec in made}
