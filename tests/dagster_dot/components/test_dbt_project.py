"""The YAML dbt project whose runs Dot hears of, with the real dbt and dagster-dbt's own component below it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotDbtProjectComponent
from dagster_dot.components.connection import DotConnection
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run
from tests.fixtures_dbt import Shop

Load = Callable[..., dg.Definitions]
RunAll = Callable[..., Run]


@pytest.fixture
def attributes(shop_copy: Shop, environment: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a team writes for the shop."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))
    return {
        "project": {"project_dir": str(shop_copy.project_dir), "target_path": str(shop_copy.target_path)},
        "select": "orders",
        "dot": {"api_token": "{{ env.DOT_API_TOKEN }}", "base_url": "{{ env.DOT_BASE_URL }}"},
    }


BREAKING = {"cli_args": ["build", {"--vars": {"break_a_test": True}}]}


def test_a_run_is_reported(load: Load, run_all: RunAll, sandbox: Sandbox, attributes: dict[str, Any]) -> None:
    run = run_all(load(DotDbtProjectComponent, {**attributes, "include_metadata": ["row_count"]}))
    assert run.success
    assert run.metadata("orders")["dagster/row_count"] > 0
    assert sandbox.workspace.dbt.count == 1


def test_a_run_in_which_a_test_failed_is_reported_too(
    load: Load, run_all: RunAll, sandbox: Sandbox, attributes: dict[str, Any]
) -> None:
    run = run_all(load(DotDbtProjectComponent, attributes | BREAKING))
    assert not run.success
    (incident,) = sandbox.workspace.incidents.open
    assert "completed_orders_are_paid_in_full" in incident.check


def test_a_report_that_does_not_arrive_fails_the_step_only_where_it_is_required(
    load: Load, run_all: RunAll, sandbox: Sandbox, attributes: dict[str, Any]
) -> None:
    sandbox.fail_next("/dbt/run_results", status=403)
    assert run_all(load(DotDbtProjectComponent, attributes)).success
    sandbox.fail_next("/dbt/run_results", status=403)
    run = run_all(load(DotDbtProjectComponent, {**attributes, "required": True}))
    assert run.failure[1]["status"] == 403


def test_the_token_stays_a_reference_and_is_absent_from_the_components_text(
    load: Load, attributes: dict[str, Any], sandbox: Sandbox
) -> None:
    assert isinstance(DotConnection(api_token=dg.EnvVar("DOT_API_TOKEN")).get_resource().api_token, dg.EnvVar)
    assert sandbox.token not in repr(DotConnection(api_token=sandbox.token))
    assert sandbox.token not in repr(load(DotDbtProjectComponent, attributes))


WITHOUT_DAGSTER_DBT = """
import sys
sys.modules["dagster_dbt"] = None  # what import sees where the package is not installed
import dagster_dot
from dagster.components.core.package_entry import discover_package_objects
names = sorted(key.name for key in discover_package_objects(["dagster_dot"]))
assert names == sorted(name for name in dagster_dot.__all__ if name.endswith("Component")), names
assert "DotDbtProjectComponent" not in names
try:
    from dagster_dot import DotDbtProjectComponent
except ImportError as error:
    print(error)
"""


def test_without_dagster_dbt_everything_else_is_listed_and_the_error_says_what_to_install() -> None:
    finished = subprocess.run([sys.executable, "-c", WITHOUT_DAGSTER_DBT], capture_output=True, text=True, check=False)
    assert finished.stdout == "DotDbtProjectComponent needs the package dagster-dbt: pip install dagster-dbt.\n", (
        finished.stderr
    )
