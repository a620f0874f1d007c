"""The examples of the README and of the start pages, run as they stand there against the sandbox."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = "README.md"

WORK = [("sync", 200), ("agentic", 200)]
"""What both pipelines ask of Dot, in this order."""


def block(page: str, language: str, marker: str, dot: Any = None) -> str:
    """Return the page's block that contains ``marker``, with the sandbox in the place of Dot's EU region."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = [block for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if marker in block]
    assert len(blocks) == 1, f"{len(blocks)} examples contain {marker!r}"
    if dot is None:
        return blocks[0]
    return blocks[0].replace('region="eu"', f"base_url={dot.base_url!r}").replace("<API token>", dot.token)


def example(marker: str, dot: Any = None) -> dict[str, Any]:
    """Run the README's Python block that contains ``marker``."""
    code = block(README, "python", marker, dot)
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), namespace)
    return namespace


def run(command: str, folder: Path) -> None:
    """Run a command of a page's with the programs of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        command, shell=True, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def work_of(dot: Any) -> list[tuple[str, int]]:
    """Return what the sandbox was sent, and how it answered."""
    return [(request.path.split("/")[2], request.status) for request in dot.requests if request.method == "POST"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [README, "docs/start/airflow.md"])
def test_the_first_dag_is_run_by_the_command_below_it(page: str, sandbox: Any, airflow_db: None) -> None:
    dot = sandbox()
    dag = block(page, "python", "DotAskOperator")
    name = re.search(r"def (\w+)\(\):", dag)[1]  # type: ignore[index]
    file = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / f"{name}.py"
    file.write_text(dag)
    try:
        run(block(page, "console", "airflow dags test"), file.parent)
    finally:
        file.unlink()
    assert work_of(dot) == WORK


def test_the_dag_that_was_moved_runs(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    page = "docs/howto/moving.md"
    code = block(page, "python", "DotAskOperator").replace("\nmoved()", "\nmade = moved()")
    namespace: dict[str, Any] = {}
    exec(compile(code, ROOT / page, "exec"), namespace)
    assert run_dag(namespace["made"]).state == "success"
    assert work_of(dot) == WORK


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [README, "docs/start/dagster.md"])
def test_the_first_definitions_are_run_by_the_command_below_them(
    page: str, sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dot = sandbox()
    monkeypatch.setenv("DOT_API_TOKEN", dot.token)
    monkeypatch.setenv("DOT_BASE_URL", dot.base_url)
    (tmp_path / "definitions.py").write_text(block(page, "python", "import dagster as dg", dot))
    run(block(page, "console", "dagster asset materialize"), tmp_path)
    assert work_of(dot) == WORK


def test_the_client_alone_prints_the_answer(sandbox: Any, capsys: pytest.CaptureFixture[str]) -> None:
    example("with DotClient(", sandbox())
    assert "order" in capsys.readouterr().out.lower()
