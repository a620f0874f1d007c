"""dbt under Cosmos: what its tasks leave, and the one report of them."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dot_provider.api.errors import DotUsageError
from dot_provider.cosmos import keep_dbt_artifacts, read_kept_artifacts, run_folder
from tests.fixtures_dbt import Shop


def _keep(shop: Shop, folder: Any, task_id: str, map_index: int = -1) -> None:
    ti = SimpleNamespace(
        dag_id="shop", run_id="manual__2026-01-01T00:00:00+00:00", task_id=task_id, map_index=map_index
    )
    keep_dbt_artifacts(str(shop.root), folder=folder, context={"ti": ti})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_what_tasks_leave_is_read_as_one_run_with_the_latest_result_of_each_node(
    shop: Shop, failing_shop: Shop, tmp_path: Path, scheme: str, airflow_db: None
) -> None:
    """A retry overwrites what the try before it left; the files of two tasks are one document."""
    folder = f"{scheme}{tmp_path}/artifacts"
    _keep(shop, folder, "build")
    _keep(failing_shop, folder, "build")
    _keep(shop, folder, "other")
    kept = run_folder(folder, "shop", "manual__2026-01-01T00:00:00+00:00")
    assert sorted(path.name for path in kept.iterdir()) == [
        "build.-1.run_results.json", "manifest.json", "other.-1.run_results.json",
    ]  # fmt: skip
    newest = max((shop, failing_shop), key=lambda one: _results(one)["metadata"]["generated_at"])
    merged = read_kept_artifacts(kept).run_results
    assert {one["unique_id"]: one["status"] for one in merged["results"]} == {
        **{one["unique_id"]: one["status"] for one in _results(shop)["results"]},
        **{one["unique_id"]: one["status"] for one in _results(newest)["results"]},
    }


def _results(shop: Shop) -> Any:
    return json.loads((shop.target_path / "run_results.json").read_text())


def test_what_cannot_be_kept_fails_no_task(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    _keep(shop, tmp_path / "file", "build")
    _keep(Shop(tmp_path), tmp_path / "artifacts", "dbt did not start")
    with pytest.raises(DotUsageError, match="no results of any task"):
        read_kept_artifacts(run_folder(tmp_path / "artifacts", "shop", "manual__2026-01-01T00:00:00+00:00"))


@pytest.fixture
def cosmos_shop(shop_copy: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("cosmos", reason="astronomer-cosmos is not installed: make matrix WORLDS=cosmos")
    shutil.rmtree(shop_copy.target_path)
    monkeypatch.setenv("DBT_PROJECT", str(shop_copy.project_dir))
    monkeypatch.setenv("DBT_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))
    monkeypatch.setenv("DBT", str(Path(sys.executable).with_name("dbt")))
    return shop_copy


def _dag() -> Any:
    return importlib.reload(importlib.import_module("example_dags.airflow_cosmos")).dag


def test_cosmoss_tasks_are_one_report(cosmos_shop: Shop, sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    run = run_dag(_dag())
    assert run.state == "success", run.states
    assert (dot.workspace.dbt.count, dot.workspace.incidents.open) == (1, [])
    summary = run.xcom("dot_after_dbt.report_dbt_run")
    assert (summary["ok"], summary["command"], summary["project"]) == (True, "build", "shop")
    assert run.xcom("dot_after_dbt.push_exposures")["sent"] > 0


def test_a_failing_test_under_cosmos_is_the_one_incident(cosmos_shop: Shop, sandbox: Any, run_dag: Any) -> None:
    """The tasks before the report are upstream_failed, and dbt has run all the same."""
    dot = sandbox()
    project = cosmos_shop.project_dir / "dbt_project.yml"
    project.write_text(project.read_text().replace("break_a_test: false", "break_a_test: true"))
    assert "break_a_test: true" in project.read_text()
    run = run_dag(_dag())
    assert run.state == "failed"
    assert dot.workspace.dbt.count == 1
    (incident,) = dot.workspace.incidents.open
    assert "completed_orders_are_paid_in_full" in incident.check
    summary = run.xcom("dot_after_dbt.report_dbt_run")
    assert (summary["ok"], summary["dbt_state"], len(summary["failed"])) == (False, "failed", 1)
