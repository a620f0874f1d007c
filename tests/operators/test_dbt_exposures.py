"""Fetching exposures in a DAG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.exceptions import AirflowFailException

from dot_provider.operators import DotFetchDbtExposuresOperator


@pytest.mark.parametrize("prefix", ["", "file://"], ids=["local", "object storage"])
def test_writes_the_file_once(sandbox: Any, run_task: Any, tmp_path: Path, prefix: str) -> None:
    sandbox()
    path = tmp_path / "dot_exposures.yml"
    first = run_task(DotFetchDbtExposuresOperator, path=f"{prefix}{path}").xcom("task")
    names = [exposure["name"] for exposure in yaml.safe_load(path.read_text())["exposures"]]
    assert first["exposures"] == names != []
    assert first["changed"]
    assert not run_task(DotFetchDbtExposuresOperator, path=f"{prefix}{path}").xcom("task")["changed"]


def test_an_empty_path_is_refused_before_anything_is_sent(sandbox: Any) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match="path is empty"):
        DotFetchDbtExposuresOperator(task_id="t", path="").execute({})
    assert dot.requests == []


def test_it_returns_the_names_that_are_in_the_file(
    sandbox: Any, run_task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dot_provider.sandbox import dbt

    dot = sandbox()
    dot.workspace.dbt.manifest = {}
    monkeypatch.setattr(dbt, "_review", lambda models: {"name": "weekly", "depends_on": []})
    path = tmp_path / "dot_exposures.yml"
    returned = run_task(DotFetchDbtExposuresOperator, path=str(path)).xcom("task")["exposures"]
    assert returned == [exposure["name"] for exposure in yaml.safe_load(path.read_text())["exposures"]]
    assert returned[0] == "dot_weekly"
