"""The README's examples, run as they stand there against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def example(marker: str, dot: Any = None) -> dict[str, Any]:
    """Run the README's Python block that contains ``marker``, with the sandbox in the place of Dot's EU region."""
    blocks = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if marker in block]
    assert len(blocks) == 1, f"{len(blocks)} examples contain {marker!r}"
    code = blocks[0]
    if dot is not None:
        code = code.replace('region="eu"', f"base_url={dot.base_url!r}").replace("<API token>", dot.token)
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), namespace)
    return namespace


def test_the_first_dag_syncs_and_asks(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    run = run_dag(example("from airflow.sdk import dag")["after_dbt"]())

    assert run.states == {"sync": "success", "ask": "success"}
    assert [c.messages[0]["content"] for c in dot.conversations.values()] == ["What drove revenue yesterday?"]


def test_the_first_definitions_sync_and_ask(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = sandbox()
    monkeypatch.setenv("DOT_API_TOKEN", dot.token)
    defs = example("import dagster as dg", dot)["defs"]
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process()

    assert result.success
    assert [request.path for request in dot.requests if request.method == "POST"] == [
        "/api/sync/dbt/analytics",
        "/api/agentic",
    ]


def test_the_client_alone_prints_the_answer(sandbox: Any, capsys: pytest.CaptureFixture[str]) -> None:
    example("with DotClient(", sandbox())
    assert "order" in capsys.readouterr().out.lower()
