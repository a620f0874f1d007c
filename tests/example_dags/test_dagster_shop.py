"""The Dagster code location, as a newcomer runs it: dbt, then everything of Dot's, against a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dot_provider.sandbox import Sandbox

ANSWERS = Path(__file__).parents[2] / "example_dags" / "shop" / "answers.yaml"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop") / "warehouse.duckdb"


@pytest.fixture(scope="module")
def sandbox(warehouse: Path) -> Iterator[Sandbox]:
    with Sandbox(answers=ANSWERS, duckdb=warehouse, history=200, seed=1) as running:
        yield running


@pytest.fixture(scope="module")
def defs(warehouse: Path, sandbox: Sandbox) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as env:
        env.setenv("DOT_API_TOKEN", sandbox.token)
        env.setenv("DOT_BASE_URL", sandbox.base_url)
        env.setenv("SHOP_DUCKDB", str(warehouse))
        env.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        from example_dags.dagster_shop import definitions

        yield definitions


def test_the_sync_is_downstream_of_every_dbt_model(defs: Any) -> None:
    models = set(defs.shop.keys)
    assert {dg.AssetKey("orders"), dg.AssetKey(["staging", "stg_orders"])} <= models
    assert {dep.asset_key for dep in next(iter(defs.sync.specs)).deps} == models


@pytest.mark.usefixtures("quick_clock")
def test_the_daily_job_builds_reports_syncs_pushes_and_asks(defs: Any, sandbox: Sandbox) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.defs.resolve_job_def("shop_daily").execute_in_process(instance=instance)
    assert result.success
    workspace = sandbox.workspace
    assert workspace.dbt.count == 1
    gate = {found.check_name: found for found in result.get_asset_check_evaluations()}["dot_evaluation"]
    assert (gate.passed, gate.metadata["passed"].value) == (True, 4)
    assert [sync.connection_id for sync in workspace.syncs] == ["shop"]
    assert len(workspace.production.assets) == 2
    (chat,) = [one for one in sandbox.conversations.values() if one.labels]
    assert (chat.posts, chat.labels) == (1, ["dagster", "shop"])
    assert "there were **200** orders" in chat.messages[-1]["explanation"]


def test_the_history_lands_beside_the_models(defs: Any, warehouse: Path) -> None:
    yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).strftime("%Y-%m-%d")
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.defs.resolve_job_def("dot_history")
        assert job.execute_in_process(instance=instance, partition_key=yesterday).success
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
        ).fetchall()
        assert {("dot_dagster.conversations",), ("dot_dagster.messages",)} <= set(tables)
