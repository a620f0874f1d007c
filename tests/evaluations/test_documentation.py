"""The page on evaluations: its suite is in order, its Python runs on the shop, its arithmetic is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dot_provider.api import EvaluationSuite
from dot_provider.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "evaluations.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_its_suite_is_in_order(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(blocks("yaml")[0])
    assert EvaluationSuite.read(tmp_path / "s.yaml").problems() == []


def test_its_workflow_checks_the_suite() -> None:
    steps = yaml.safe_load(blocks("yaml")[1])["jobs"]["evaluate"]["steps"]
    assert any("python -m dot_provider.evaluations check" in step.get("run", "") for step in steps)


def test_its_python_runs(shop_copy: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(shop_copy.project_dir)
    if not (target := shop_copy.project_dir / "target").exists():
        target.symlink_to(shop_copy.target_path)
    answers = ROOT / "example_dags" / "shop" / "answers.yaml"
    with Sandbox(answers=answers, duckdb=shop_copy.duckdb_path, evaluation_polls=0) as dot:
        for name, value in (("DOT_API_TOKEN", dot.token), ("DOT_BASE_URL", dot.base_url)):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))
        namespace: dict[str, Any] = {}
        for block in blocks("python"):
            exec(compile(block, "evaluations.md", "exec"), namespace)
    assert capsys.readouterr().out == "pass () 1.0 ()\n"
    assert Path("verdicts.duckdb").exists()


def test_its_arithmetic_is_right() -> None:
    rows = re.findall(r"^\| (\d+), (\d+) % \| ([\d.]+) % \| ([\d.]+) % \|$", PAGE, re.MULTILINE)
    assert len(rows) == 3
    for count, right, once, twice in rows:
        p, n = int(right) / 100, int(count)
        for said, found in ((once, p**n), (twice, (1 - (1 - p) ** 2) ** n)):
            assert abs(float(said) - 100 * found) < 0.6
