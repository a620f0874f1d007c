from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from dagster_dot import build_dot_sync_asset, build_dot_sync_assets
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run

Materialize = Callable[..., Run]


def synced(sandbox: Sandbox) -> list[str]:
    return [request.path.removeprefix("/api/sync/") for request in sandbox.requests]


def test_materializing_the_asset_syncs_the_connection(materialize: Materialize, sandbox: Sandbox) -> None:
    run = materialize(build_dot_sync_asset(connection_type="dbt", connection_id="shop"))
    assert synced(sandbox) == ["dbt/shop"]
    assert run.metadata("dot/dbt/shop")["connection"] == "dbt/shop"


def test_it_runs_after_its_dependencies(materialize: Materialize, sandbox: Sandbox) -> None:
    @dg.asset
    def orders() -> None:
        assert not sandbox.requests

    run = materialize(build_dot_sync_asset(connection_type="dbt", connection_id="shop", deps=[orders]), orders)
    assert run.materialized == ["orders", "dot/dbt/shop"]


def test_every_field_of_the_spec_is_the_users() -> None:
    condition = dg.AutomationCondition.on_cron("0 6 * * *")
    made = build_dot_sync_asset(
        connection_type="dbt",
        connection_id="shop",
        key=["knowledge", "shop"],
        deps=["orders"],
        description="What Dot knows.",
        metadata={"a": 1},
        group_name="serving",
        code_version="2",
        owners=["team:data"],
        tags={"tier": "1"},
        kinds={"dbt"},
        automation_condition=condition,
    )
    (spec,) = made.specs
    assert spec.key == dg.AssetKey(["knowledge", "shop"])
    assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey("orders")]
    assert (spec.description, spec.group_name, spec.code_version) == ("What Dot knows.", "serving", "2")
    assert (spec.owners, spec.metadata["a"], spec.tags["tier"]) == (["team:data"], 1, "1")
    assert spec.kinds == {"dot", "dbt"}
    assert spec.automation_condition == condition


def test_a_name_stands_for_a_key_under_dot() -> None:
    made = build_dot_sync_asset(connection_type="dbt", connection_id="shop", name="knowledge")
    assert made.key == dg.AssetKey(["dot", "knowledge"])


@pytest.mark.parametrize("connection_id", ["", "..", "a/b"])
def test_an_id_that_no_url_can_carry_is_refused_when_the_code_loads(connection_id: str) -> None:
    with pytest.raises(DotUsageError, match="connection_id"):
        build_dot_sync_asset(connection_type="dbt", connection_id=connection_id)


def test_an_unknown_connection_fails_without_retries(materialize: Materialize, sandbox: Sandbox) -> None:
    policy = dg.RetryPolicy(max_retries=3)
    run = materialize(build_dot_sync_asset(connection_type="dbt", connection_id="missing", retry_policy=policy))
    description, metadata = run.failure
    assert "missing" in description
    assert metadata["status"] == 404
    assert run.retries == 0
    assert len(sandbox.requests) == 1


def test_the_pool_and_the_resource_key_are_the_users(dot: object, instance: dg.DagsterInstance) -> None:
    made = build_dot_sync_asset(connection_type="dbt", connection_id="shop", pool="dot", resource_key="dot_eu")
    assert made.op.pool == "dot"
    assert dg.materialize([made], instance=instance, resources={"dot_eu": dot}).success


def test_another_resource_under_the_key_is_named(instance: dg.DagsterInstance) -> None:
    class Other(dg.ConfigurableResource):  # type: ignore[type-arg]
        pass

    made = build_dot_sync_asset(connection_type="dbt", connection_id="shop")
    result = dg.materialize([made], instance=instance, resources={"dot": Other()}, raise_on_error=False)
    assert "must be a DotResource, not Other" in Run(result).failure[0]


def test_several_connections_are_synced_by_one_step(materialize: Materialize, sandbox: Sandbox) -> None:
    made = build_dot_sync_assets(connections=[("dbt", "shop"), ("snowflake", "prod")])
    assert materialize(made).materialized == ["dot/dbt/shop", "dot/snowflake/prod"]
    assert synced(sandbox) == ["dbt/shop", "snowflake/prod"]


def test_one_of_several_connections_can_be_synced_alone(materialize: Materialize, sandbox: Sandbox) -> None:
    made = build_dot_sync_assets(connections=[("dbt", "shop"), ("snowflake", "prod")])
    materialize(made, selection=["dot/snowflake/prod"])
    assert synced(sandbox) == ["snowflake/prod"]


def test_one_failing_connection_keeps_no_other_from_its_sync(materialize: Materialize) -> None:
    made = build_dot_sync_assets(connections=[("dbt", "missing"), ("snowflake", "prod")])
    run = materialize(made)
    assert not run.success
    assert run.materialized == ["dot/snowflake/prod"]
    assert "missing" in run.failure[0]


def test_no_connections_are_refused() -> None:
    with pytest.raises(DotUsageError, match="connections is empty"):
        build_dot_sync_assets(connections=[])


def test_a_sync_that_takes_longer_than_its_timeout_is_tried_again(materialize: Materialize, sandbox: Sandbox) -> None:
    sandbox.fail_next("/sync/dbt/shop", latency=300, effect=True)
    assert materialize(build_dot_sync_asset(connection_type="dbt", connection_id="shop", timeout=3)).success
    assert synced(sandbox) == ["dbt/shop", "dbt/shop"]


@pytest.mark.parametrize("timeout", [0, -1, "600", True])
def test_a_timeout_that_is_none_is_refused_when_the_code_loads(timeout: Any) -> None:
    with pytest.raises(DotUsageError, match="timeout must be a number of seconds"):
        build_dot_sync_asset(connection_type="dbt", connection_id="shop", timeout=timeout)


def test_connections_whose_ids_would_have_one_key_are_two_assets(materialize: Materialize, sandbox: Sandbox) -> None:
    made = build_dot_sync_assets(connections=[("snowflake", "prod-1"), ("snowflake", "prod_1")])
    assert len({*made.keys}) == 2


def test_a_connection_that_comes_twice_is_refused() -> None:
    with pytest.raises(DotUsageError, match="connections names 'dbt/shop' twice"):
        build_dot_sync_assets(connections=[("dbt", "shop"), ("dbt", "shop")])
