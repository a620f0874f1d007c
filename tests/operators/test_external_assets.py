"""Pushing external assets from a DAG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.exceptions import AirflowException, AirflowFailException
from airflow.sdk import DAG, task

from dot_provider.api.errors import DotUsageError
from dot_provider.dbt import external_assets_from_manifest
from dot_provider.operators import DotPushExternalAssetsOperator

ROWS = [{"id": "1", "subtype": "looker_dashboard", "name": "Revenue"}, {"id": "2", "subtype": "looker_dashboard"}]


def test_pushes_a_list_and_leaves_out_what_has_not_changed(sandbox: Any, run_task: Any) -> None:
    sandbox()
    first = run_task(DotPushExternalAssetsOperator, assets=ROWS)
    assert first.xcom("task") == {"sent": 2}
    assert first.xcom("task", "report")[0] == {"id": "1", "outcome": "sent", "reason": ""}
    second = run_task(DotPushExternalAssetsOperator, assets=[{**ROWS[0], "name": "Sales"}, ROWS[1]])
    assert second.xcom("task") == {"sent": 1, "unchanged": 1}


def test_pushes_what_a_task_returned(sandbox: Any, run_dag: Any) -> None:
    sandbox()
    with DAG("assets_from_a_task", schedule=None) as dag:

        @task
        def dashboards() -> list[dict[str, str]]:
            return ROWS

        DotPushExternalAssetsOperator(task_id="push", assets=dashboards())
    assert run_dag(dag).xcom("push") == {"sent": 2}


@pytest.mark.parametrize("name", ["assets.json", "assets.yaml", "assets.csv"])
def test_pushes_a_file_from_any_storage(sandbox: Any, tmp_path: Path, run_task: Any, name: str) -> None:
    dot = sandbox()
    texts = {
        "assets.json": json.dumps(ROWS),
        "assets.yaml": "external_assets:\n- {id: '1', subtype: looker_dashboard, name: Revenue}\n"
        "- {id: '2', subtype: looker_dashboard}\n",
        "assets.csv": "id,subtype,name\n1,looker_dashboard,Revenue\n2,looker_dashboard,\n",
    }
    (tmp_path / name).write_text(texts[name])
    run = run_task(DotPushExternalAssetsOperator, assets_file=f"file://{tmp_path}/{name}")
    assert run.xcom("task") == {"sent": 2}
    sent = [r.json["external_asset"] for r in dot.requests if r.method == "POST"]
    assert sorted((asset["id"], asset["name"]) for asset in sent) == [("1", "Revenue"), ("2", "")]


def test_pushes_the_exposures_of_a_dbt_project(sandbox: Any, run_task: Any, shop: Any) -> None:
    sandbox()
    run = run_task(DotPushExternalAssetsOperator, dbt_manifest=shop.target_path)
    assert run.xcom("task") == {"sent": len(external_assets_from_manifest(shop.target_path))}


def test_a_dry_run_sends_nothing(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    run = run_task(DotPushExternalAssetsOperator, assets=ROWS, dry_run="{{ 1 == 1 }}", prune="{{ false }}")
    assert run.xcom("task") == {"would send": 2}
    assert {r.method for r in dot.requests} == {"GET"}


def test_prune_removes_what_is_no_longer_listed(sandbox: Any, run_task: Any) -> None:
    sandbox()
    run_task(DotPushExternalAssetsOperator, assets=ROWS)
    run = run_task(DotPushExternalAssetsOperator, assets=ROWS[:1], prune=True)
    assert run.xcom("task") == {"unchanged": 1, "deleted": 1}


def test_prune_stays_within_subtype_and_folder(sandbox: Any, run_task: Any) -> None:
    """Also where the last asset of a folder is gone and nothing is left to list."""
    sandbox()
    run_task(DotPushExternalAssetsOperator, assets=[{**ROWS[0], "folder": "Old"}, {**ROWS[1], "folder": "New"}])
    run = run_task(DotPushExternalAssetsOperator, assets=[], prune=True, subtype="looker_dashboard", folder="Old")
    assert run.xcom("task") == {"deleted": 1}
    assert [item["id"] for item in run.xcom("task", "report")] == ["1"]


def test_one_failure_fails_the_task_after_the_rest_was_sent(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    dot.fail_next("/import_and_overwrite_external_asset", status=422, detail="no such subtype")
    run = run_task(DotPushExternalAssetsOperator, assets=ROWS)
    assert run.state == "failed"
    assert "1 of 2 external assets failed" in str(run.error("task"))
    assert isinstance(run.error("task"), AirflowFailException)
    outcomes = sorted(item["outcome"] for item in run.xcom("task", "report"))
    assert outcomes == ["failed", "sent"]


def test_an_import_that_dot_calls_failed_fails_the_task_and_nothing_is_pruned(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    run_task(DotPushExternalAssetsOperator, assets=ROWS)
    dot.fail_next("/import_and_overwrite_external_asset", status=200, body={"success": False, "message": "locked"})
    run = run_task(DotPushExternalAssetsOperator, assets=[{**ROWS[0], "id": "renamed"}], prune=True)
    assert run.state == "failed"
    assert "locked" in str(run.error("task"))
    assert [item["outcome"] for item in run.xcom("task", "report")] == ["failed", "kept", "kept"]
    assert not [request for request in dot.requests if "delete" in request.path]


def test_a_failure_that_can_pass_is_retried(sandbox: Any) -> None:
    dot = sandbox()
    dot.fail_next("/import_and_overwrite_external_asset", status=500)
    task = DotPushExternalAssetsOperator(task_id="t", assets=ROWS)
    pushed: dict[str, Any] = {}
    ti = type("TI", (), {"xcom_push": lambda _, key, value: pushed.update({key: value})})()
    with pytest.raises(AirflowException) as failed:
        task.execute({"ti": ti})
    assert not isinstance(failed.value, AirflowFailException)


@pytest.mark.parametrize("sources", [{}, {"assets": ROWS, "assets_file": "a.json"}])
def test_exactly_one_source_is_asked_for_when_the_dag_is_parsed(sources: Any) -> None:
    with pytest.raises(DotUsageError, match="exactly one of assets, assets_file and dbt_manifest"):
        DotPushExternalAssetsOperator(task_id="t", **sources)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"assets": "a,b"}, "assets must be a list, not text"),
        ({"assets": {"id": "1"}}, "assets must be a list of assets, not dict"),
        ({"assets": 7}, "assets must be a list of assets, not int"),
        ({"assets": [ROWS[0], {"id": "2"}]}, "Asset row 2: subtype is missing"),
        ({"assets": [ROWS[0], ROWS[0]]}, "Asset row 2: id '1' was already used"),
        ({"assets": [{**ROWS[0], "nmae": "x"}]}, "Asset row 1: unknown field 'nmae'"),
        ({"assets_file": ""}, "assets_file is empty"),
        ({"assets_file": "/nowhere/assets.json"}, "There is no file /nowhere/assets.json"),
        ({"assets_file": "/nowhere/assets.xlsx"}, "must be a .json, .yaml, .yml or .csv file"),
        ({"dbt_manifest": "/nowhere"}, "There is no .*manifest.json"),
        ({"assets": ROWS, "prune": "all"}, "prune must be"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(sandbox: Any, arguments: Any, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotPushExternalAssetsOperator(task_id="t", **arguments).execute({})
    assert [r for r in dot.requests if r.method == "POST"] == []
