from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.cli import main
from tests.sandbox.api import Api

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_run(example: str) -> None:
    exec(compile(example, "docs/sandbox.md", "exec"), {})


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """The answers file of the page."""
    path = tmp_path / "answers.yaml"
    (text,) = re.findall(r"```yaml\n(questions:\n.*?)```", PAGE, re.DOTALL)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_answers_file_of_the_page_answers_and_grades(answers: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("create table orders (ordered_on date, status text)")
        connection.execute(
            "insert into orders values ('2026-01-01', 'placed'), ('2026-01-02', 'returned'), ('2026-02-01', 'placed')"
        )
    with Sandbox(answers=answers, duckdb=tmp_path / "shop.duckdb", evaluation_polls=0) as dot:
        api = Api(dot)
        assert api.ask("how many orders are there")[-1]["explanation"] == "Orders: **3**"
        monthly = api.ask("How many orders per month?", "monthly")[-1]
        assert "had **2** orders.\n\n| month | orders |" in monthly["explanation"]
        assert api.ask("How many orders were RETURNED?", "returned")[-1]["explanation"] == "**1** orders are RETURNED."
        assert api.post("/evaluations/shop-basics/runs", {}).json()["verdict"] == "pass"


def test_mistakes_are_told_as_the_page_says(
    answers: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = answers.read_text(encoding="utf-8")
    text = re.sub(r"    sql: select strftime.*\n", "", text).replace(
        "pattern: how many orders (are|were) ", "pattern: ("
    )
    answers.write_text(text, encoding="utf-8")
    monkeypatch.chdir(answers.parent)
    assert main(["--answers", "answers.yaml", "--port", "0"]) == 1
    (told,) = re.findall(r"```console\n(dot-sandbox: answers.*?)```", PAGE, re.DOTALL)
    assert capsys.readouterr().err == told
