"""The small components, each from its YAML to what it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from dagster_dot import (
    DotEvaluationComponent,
    DotExternalAssetsComponent,
    DotHistoryComponent,
    DotIncidentsComponent,
    DotNoteComponent,
    DotQuestionComponent,
    DotSyncComponent,
)
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run
from tests.fixtures_dbt import Shop

Load = Callable[..., dg.Definitions]
RunAll = Callable[..., Run]


def spec_of(defs: dg.Definitions) -> dg.AssetSpec:
    (asset,) = [asset for asset in defs.assets or [] if isinstance(asset, dg.AssetsDefinition)]
    return next(iter(asset.specs))


def test_sync(load: Load, run_all: RunAll, sandbox: Sandbox) -> None:
    run_all(load(DotSyncComponent, {"connection_type": "dbt", "connection_id": "shop"}))
    assert [sync.connection_id for sync in sandbox.workspace.syncs] == ["shop"]


def test_a_sync_with_dependencies_follows_them_by_itself(load: Load) -> None:
    attributes = {"connection_type": "dbt", "connection_id": "shop", "asset": {"deps": ["marts/orders"]}}
    spec = spec_of(load(DotSyncComponent, attributes))
    assert [dep.asset_key.to_user_string() for dep in spec.deps] == ["marts/orders"]
    assert spec.automation_condition is not None
    assert spec.automation_condition.get_label() == "after_upstream_updates"


def test_every_asset_field_can_be_written_in_yaml(load: Load) -> None:
    asset = {
        "key": "knowledge/shop",
        "description": "What Dot knows.",
        "group_name": "serving",
        "owners": ["team:data"],
        "tags": {"tier": "gold"},
        "kinds": ["dbt"],
        "metadata": {"a": 1},
        "automation_condition": "{{ dg.AutomationCondition.eager() }}",
    }
    spec = spec_of(load(DotSyncComponent, {"connection_type": "dbt", "connection_id": "shop", "asset": asset}))
    assert spec.key.to_user_string() == "knowledge/shop"
    assert (spec.group_name, spec.owners, spec.kinds) == ("serving", ["team:data"], {"dot", "dbt"})
    assert spec.automation_condition == dg.AutomationCondition.eager()


def test_question(load: Load, run_all: RunAll, sandbox: Sandbox) -> None:
    attributes = {
        "question": "How many orders on {partition_key}?",
        "follow_ups": ["Why?"],
        "labels": ["daily"],
        "mode": "economy",
        "retry": {"max_retries": 2, "delay": 1, "backoff": "EXPONENTIAL"},
        "pool": "dot",
        "asset": {"key": "dot/orders", "partitions_def": {"type": "daily", "start_date": "2026-01-01"}},
    }
    run = run_all(load(DotQuestionComponent, attributes), partition_key="2026-01-02")
    (chat,) = sandbox.conversations.values()
    assert [turn.question for turn in chat.turns] == ["How many orders on 2026-01-02?", "Why?"]
    assert (chat.labels, chat.mode) == (["daily"], "economy")
    assert run.materialized == ["dot/orders"]


def test_the_step_takes_what_dagster_has_for_one(load: Load) -> None:
    attributes = {
        "connection_type": "dbt",
        "connection_id": "shop",
        "timeout": "PT2H",
        "op_tags": {"dagster/priority": "3"},
        "backfill_policy": {"type": "multi_run", "max_partitions_per_run": 7},
        "asset": {
            "partitions_def": {"type": "daily", "start_date": "2026-01-01"},
            "freshness_policy": "{{ dg.FreshnessPolicy.cron(deadline_cron='0 9 * * *', "
            "lower_bound_delta=datetime.timedelta(hours=2)) }}",
        },
    }
    (asset,) = [one for one in load(DotSyncComponent, attributes).assets or [] if isinstance(one, dg.AssetsDefinition)]
    assert asset.op.tags["dagster/priority"] == "3"
    assert asset.backfill_policy == dg.BackfillPolicy.multi_run(7)
    assert next(iter(asset.specs)).freshness_policy is not None


def test_external_assets(load: Load, run_all: RunAll, sandbox: Sandbox, shop: Shop) -> None:
    run_all(load(DotExternalAssetsComponent, {"dbt_manifest": str(shop.target_path)}))
    assert len(sandbox.workspace.production.assets) == 2


def test_external_assets_of_a_file(load: Load, run_all: RunAll, sandbox: Sandbox, tmp_path: Path) -> None:
    (path := tmp_path / "dashboards.csv").write_text("id,name,subtype\n1,Sales,looker_dashboard\n")
    run_all(load(DotExternalAssetsComponent, {"assets_file": str(path)}))
    assert list(sandbox.workspace.production.assets) == ["1"]


def test_note(load: Load, run_all: RunAll, sandbox: Sandbox) -> None:
    run_all(load(DotNoteComponent, {"title": "Revenue", "markdown": "Net of returns."}))
    assert [note["title"] for note in sandbox.workspace.production.notes.values()] == ["Revenue"]


def test_history(load: Load, run_all: RunAll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_FILE", str(tmp_path / "w.duckdb"))
    attributes = {
        "destination": "duckdb",
        "credentials": "{{ env.WAREHOUSE_FILE }}",
        "dataset": "chats",
        "start_date": "2026-01-01",
        "asset": {"group_name": "history"},
    }
    run = run_all(load(DotHistoryComponent, attributes), partition_key="2026-01-02")
    assert run.materialized == ["chats/conversations", "chats/messages"]
    assert (tmp_path / "w.duckdb").exists()


def test_evaluation(load: Load) -> None:
    attributes = {
        "evaluation_id": "revenue",
        "checked_asset": "dot/dbt/shop",
        "questions": ["Churn?"],
        "blocking": True,
    }
    (checks,) = load(DotEvaluationComponent, attributes).asset_checks or []
    assert {spec.name: spec.blocking for spec in getattr(checks, "check_specs", ())} == {
        "dot_evaluation": True,
        "churn": True,
    }


def test_an_evaluation_runs_as_any_step_does(load: Load) -> None:
    attributes = {
        "evaluation_id": "revenue",
        "checked_asset": "dot/dbt/shop",
        "retry": {"max_retries": 2, "delay": 5},
        "pool": "dot",
        "resource_key": "dot_eu",
    }
    (checks,) = load(DotEvaluationComponent, attributes).asset_checks or []
    assert isinstance(checks, dg.AssetsDefinition)
    assert (checks.op.retry_policy, checks.op.pool) == (dg.RetryPolicy(max_retries=2, delay=5), "dot")
    assert checks.required_resource_keys - {"io_manager"} == {"dot_eu"}


def test_the_catalog_says_what_the_checked_asset_is() -> None:
    described = DotEvaluationComponent.model().model_json_schema()["properties"]["checked_asset"]["description"]
    assert described.startswith("Key of the asset that is checked")


def test_incidents(load: Load) -> None:
    (sensor,) = load(DotIncidentsComponent, {"name": "shop_incidents"}).sensors or []
    assert sensor.name == "shop_incidents"
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
