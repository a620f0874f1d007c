from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotExposuresComponent, DotResource, DotWorkspaceComponent
from dagster_dot.components.connection import DotConnection
from dagster_dot.exposures import DotExposures
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run

Load = Callable[..., dg.Definitions]

EVERYTHING: dict[str, Any] = {
    "api_token": "{{ env.DOT_API_TOKEN }}",
    "base_url": "{{ env.DOT_BASE_URL }}",
    "syncs": [{"connection_type": "dbt", "connection_id": "shop"}],
    "external_assets": [{"assets": [{"id": "sales", "subtype": "looker_dashboard"}]}],
    "questions": [{"question": "How many orders per month?", "poll_interval": 0.01}],
    "evaluations": [{"evaluation_id": "revenue", "checked_asset": "dot/dbt/shop", "poll_interval": 0.01}],
    "notes": [{"title": "Revenue", "markdown": "Net of returns."}],
    "history": {"destination": "duckdb", "credentials": "{{ env.WAREHOUSE_FILE }}"},
    "incidents": {"webserver_url": "https://dagster.example.com"},
}


def resource(defs: dg.Definitions, key: str = "dot") -> DotResource:
    found = (defs.resources or {})[key]
    assert isinstance(found, DotResource)
    return found


def test_one_file_makes_everything(load: Load, environment: None) -> None:
    defs = load(DotWorkspaceComponent, EVERYTHING)
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {
        "dot/conversations",
        "dot/dbt/shop",
        "dot/external_assets",
        "dot/how_many_orders_per_month",
        "dot/messages",
        "dot/revenue",
    }
    assert [key.name for key in graph.asset_check_keys] == ["dot_evaluation"]
    assert [sensor.name for sensor in defs.sensors or []] == ["dot_incidents"]


@pytest.mark.parametrize("written", [True, "{{ env.DOT_ALLOW_HTTP }}"])
def test_yaml_allows_plain_http_to_another_machine(
    load: Load, environment: None, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOT_ALLOW_HTTP", "true")
    monkeypatch.setenv("DOT_BASE_URL", "http://sandbox:8800")
    defs = load(DotWorkspaceComponent, {**EVERYTHING, "allow_http": written})
    assert resource(defs).get_client().server.origin == "http://sandbox:8800"


def test_what_it_makes_runs(
    load: Load,
    environment: None,
    run_all: Callable[..., Run],
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WAREHOUSE_FILE", str(tmp_path / "w.duckdb"))
    run = run_all(load(DotWorkspaceComponent, EVERYTHING))
    assert run.success
    assert len(run.materialized) == 6
    assert [sync.connection_id for sync in sandbox.workspace.syncs] == ["shop"]


def test_the_workspace_shows_dots_apps(
    load: Load, environment: None, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    """Asked under ``dg dev`` with the workspace's own connection, and without ``exposures`` never."""
    from dagster.components.component import state_backed_component

    monkeypatch.setattr(state_backed_component.DefinitionsLoadContext, "_instance", None)
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    connection = {name: EVERYTHING[name] for name in ("api_token", "base_url")}
    assert not load(DotWorkspaceComponent, connection).assets
    assert sandbox.requests == []
    defs = load(DotWorkspaceComponent, {**connection, "exposures": {"group_name": "apps"}})
    assert [spec.group_name for spec in defs.assets or [] if isinstance(spec, dg.AssetSpec)] == ["apps"]


def test_the_token_stays_a_reference(load: Load, environment: None) -> None:
    """Neither the definitions nor what Dagster stores of them hold the token itself."""
    assert isinstance(resource(load(DotWorkspaceComponent, EVERYTHING)).api_token, dg.EnvVar)


def test_an_env_var_in_python_stays_one_too() -> None:
    made = DotWorkspaceComponent(api_token=dg.EnvVar("DOT_API_TOKEN"))
    assert isinstance(made.get_resource().api_token, dg.EnvVar)


def test_the_code_location_loads_without_the_variable(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOT_API_TOKEN", raising=False)
    attributes = {"api_token": "{{ env.DOT_API_TOKEN }}", "syncs": EVERYTHING["syncs"]}
    assert load(DotWorkspaceComponent, attributes).assets


def test_a_dot_that_is_down_does_not_take_the_code_location_down(load: Load) -> None:
    attributes = {**EVERYTHING, "api_token": "t", "base_url": "http://127.0.0.1:9"}
    assert load(DotWorkspaceComponent, attributes).assets


def test_two_questions_of_one_key_are_refused_with_both(load: Load) -> None:
    questions = [{"question": "Weekly review"}, {"question": "weekly_review"}]
    with pytest.raises(Exception, match="DotWorkspaceComponent") as raised:
        load(DotWorkspaceComponent, {"api_token": "t", "questions": questions})
    assert "'Weekly review' and 'weekly_review' are both dot/weekly_review" in str(raised.value.__cause__)
    questions[1]["asset"] = {"key": "dot/review"}  # type: ignore[assignment]
    assert load(DotWorkspaceComponent, {"api_token": "t", "questions": questions}).assets


def test_two_workspaces_keep_their_resources_apart(load: Load) -> None:
    us = load(DotWorkspaceComponent, {"api_token": "a", "syncs": [{"connection_type": "dbt", "connection_id": "us"}]})
    eu = load(
        DotWorkspaceComponent,
        {
            "api_token": "b",
            "region": "eu",
            "resource_key": "dot_eu",
            "syncs": [{"connection_type": "dbt", "connection_id": "eu"}],
        },
    )
    both = dg.Definitions.merge(us, eu)
    assert resource(both).region is None
    assert resource(both, "dot_eu").region == "eu"
    (asset,) = [a for a in eu.assets or [] if isinstance(a, dg.AssetsDefinition)]
    assert asset.required_resource_keys - {"io_manager"} == {"dot_eu"}


def test_a_workspace_without_apps_shares_the_state_of_nobody() -> None:
    """Dagster warns of components whose definitions state has one key."""
    parts = [DotWorkspaceComponent(api_token="t"), DotWorkspaceComponent(api_token="t", resource_key="other")]
    apps = DotWorkspaceComponent(api_token="t", exposures=DotExposures())
    assert len({one.defs_state_config.key for one in [*parts, apps]}) == 3
    alone = DotExposuresComponent(dot=DotConnection(api_token="t"))
    assert alone.defs_state_config.key == apps.defs_state_config.key


def test_a_subclass_changes_specs_and_work(
    load: Load, environment: None, run_all: Callable[..., Run], sandbox: Sandbox
) -> None:
    from tests.dagster_dot.components.custom import CountingSync

    CountingSync.executed.clear()
    defs = dg.Definitions.merge(
        load(DotWorkspaceComponent, {k: EVERYTHING[k] for k in ("api_token", "base_url")}),
        dg.Definitions(
            assets=dg.component_defs(component=CountingSync(connection_type="dbt", connection_id="shop")).assets
        ),
    )
    assert run_all(defs).materialized == ["knowledge/shop"]
    assert CountingSync.executed == ["shop"]


def test_the_form_masks_and_labels() -> None:
    if not hasattr(dg, "ComponentFormConfig"):
        assert DotWorkspaceComponent.get_form_config() is None
        return
    assert DotWorkspaceComponent.get_form_config().editable
    schema = DotWorkspaceComponent.model().model_json_schema()
    assert schema["properties"]["timeout"]["ui:advanced"] is True


def test_the_token_is_absent_from_the_components_text() -> None:
    assert "a-very-secret-token" not in repr(DotWorkspaceComponent(api_token="a-very-secret-token"))
