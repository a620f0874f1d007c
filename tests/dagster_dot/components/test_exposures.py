"""Dot's apps in the graph, from a state that outlives a Dot that is down."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster.components import DefsStateConfigArgs
from dagster.components.component import state_backed_component
from dagster.components.testing.utils import DefsFolderSandbox, create_defs_folder_sandbox

from dagster_dot import DotDbtProjectComponent, DotExposuresComponent
from dagster_dot.components.connection import DotConnection
from dot_provider.api import DotPermissionError
from dot_provider.dbt import DotExposure
from dot_provider.sandbox import Sandbox
from tests.fixtures_dbt import Shop

CONNECTION = {"api_token": "{{ env.DOT_API_TOKEN }}", "base_url": "{{ env.DOT_BASE_URL }}"}
APPS = {"dot_weekly_review": ["orders"]}


class Project:
    """A project with one component, loaded as often as one likes."""

    def __init__(self, sandbox: DefsFolderSandbox) -> None:
        self.sandbox = sandbox

    def write(self, component: type[dg.Component], name: str, attributes: dict[str, Any]) -> None:
        self.sandbox.scaffold_component(
            component_cls=component,
            defs_path=name,
            defs_yaml_contents={"type": f"dagster_dot.{component.__name__}", "attributes": attributes},
        )

    def apps(self) -> dict[str, list[str]]:
        """The keys of Dot's apps, each with those of what it rests on."""
        with self.sandbox.build_all_defs() as defs:
            graph = defs.resolve_asset_graph()
            keys = [key for key in graph.get_all_asset_keys() if key.path[:2] == ["dot", "apps"]]
            return {
                key.path[-1]: sorted(parent.to_user_string() for parent in graph.get(key).parent_keys) for key in keys
            }


@pytest.fixture
def project(environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    # A run in this process, such as another test's, leaves Dagster believing that definitions are being rebuilt.
    monkeypatch.setattr(state_backed_component.DefinitionsLoadContext, "_instance", None)
    with create_defs_folder_sandbox() as sandbox:
        yield Project(sandbox)


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``dg dev`` and the other commands of dg say to the code that they load."""
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")


def asked(sandbox: Sandbox) -> int:
    return sum(request.path == "/api/dbt/exposures" for request in sandbox.requests)


def test_dot_is_asked_under_dg_dev_and_other_loads_keep_what_it_said(
    project: Project, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    project.write(DotExposuresComponent, "apps", {"dot": CONNECTION})
    assert project.apps() == {}
    assert asked(sandbox) == 0
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    assert project.apps() == APPS
    monkeypatch.delenv("DAGSTER_IS_DEV_CLI")
    assert project.apps() == APPS
    assert asked(sandbox) == 1


def test_a_dot_that_is_down_leaves_the_graph_as_it_was(project: Project, dev: None, sandbox: Sandbox) -> None:
    project.write(DotExposuresComponent, "apps", {"dot": CONNECTION})
    project.apps()
    sandbox.fail_next("/dbt/exposures", status=503)
    assert project.apps() == APPS
    assert asked(sandbox) == 2


def test_a_dot_that_was_never_reached_does_not_take_the_code_location_down(project: Project, dev: None) -> None:
    project.write(DotExposuresComponent, "apps", {"dot": {"api_token": "t", "base_url": "http://127.0.0.1:9"}})
    assert project.apps() == {}


def test_a_state_that_only_the_code_server_holds_is_empty_where_dot_is_down(tmp_path: Path) -> None:
    """Dagster asks for one at each load of the code location, and fails it without."""
    component = DotExposuresComponent(
        dot=DotConnection(api_token="t", base_url="http://127.0.0.1:9"),
        defs_state=DefsStateConfigArgs.legacy_code_server_snapshots(),
    )
    component.write_state_to_path(tmp_path / "state")
    assert (tmp_path / "state").read_text() == "[]"


def test_a_variable_that_is_not_set_does_not_take_the_code_location_down(
    project: Project, dev: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOT_API_TOKEN")
    project.write(DotExposuresComponent, "apps", {"dot": CONNECTION})
    assert project.apps() == {}


def test_a_refresh_that_fails_says_so_and_leaves_what_was_kept(sandbox: Sandbox, tmp_path: Path) -> None:
    kept = tmp_path / "state"
    component = DotExposuresComponent(dot=DotConnection(api_token=sandbox.token, base_url=sandbox.base_url))
    component.write_state_to_path(kept)
    before = kept.read_text()
    sandbox.fail_next("/dbt/exposures", status=403)
    with pytest.raises(DotPermissionError):
        component.write_state_to_path(kept)
    assert kept.read_text() == before


def test_apps_are_downstream_of_the_models_as_the_dbt_component_names_them(
    project: Project, dev: None, shop_copy: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))
    dbt = {
        "project": {"project_dir": str(shop_copy.project_dir), "target_path": str(shop_copy.target_path)},
        "translation": {"key_prefix": "warehouse"},
        "dot": CONNECTION,
        "prepare_if_dev": False,
    }
    project.write(DotDbtProjectComponent, "shop", dbt)
    project.write(DotExposuresComponent, "apps", {"dot": CONNECTION, "dbt_defs": "shop"})
    assert project.apps() == {"dot_weekly_review": ["warehouse/orders"]}


def test_each_server_environment_and_connection_is_kept_apart() -> None:
    def key(connection_id: str | None = None, **where: str) -> str:
        dot = DotConnection(api_token="t", **where)
        return DotExposuresComponent(dot=dot, connection_id=connection_id).defs_state_config.key

    assert len({key(), key(region="eu"), key(environment="staging"), key("shop")}) == 4


def test_a_subclass_changes_the_assets(sandbox: Sandbox, tmp_path: Path) -> None:
    class Owned(DotExposuresComponent):
        def get_asset_spec(self, exposure: DotExposure, parents: Sequence[dg.AssetKey]) -> dg.AssetSpec:
            return super().get_asset_spec(exposure, parents).replace_attributes(owners=["team:data"])

    component = Owned(dot=DotConnection(api_token=sandbox.token, base_url=sandbox.base_url))
    component.write_state_to_path(tmp_path / "state")
    context: Any = None  # not looked at without dbt_defs
    (spec,) = component.build_defs_from_state(context, tmp_path / "state").assets or ()
    assert isinstance(spec, dg.AssetSpec)
    assert spec.owners == ["team:data"]
