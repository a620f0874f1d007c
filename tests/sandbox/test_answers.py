from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.answers import Answers
from tests.sandbox.api import Api

FILE = """
questions:
  - question: How many orders are there?
    sql: select 200 as orders
  - pattern: orders (?P<status>placed|paid)
    sql: select $status as status
    text: "{{ value }}!"
evaluations:
  - id: shop
    questions:
      - {id: orders, question: "How many orders are there?", expected_answer: 0200, tolerance_pct: 0}
"""


def read(tmp_path: Path, text: str) -> Answers:
    path = tmp_path / "answers.yaml"
    path.write_text(text, encoding="utf-8")
    return Answers.read(path)


@pytest.mark.parametrize(
    "question", ["How many orders are there?", "how  many orders\nare there", "HOW MANY ORDERS ARE THERE ?"]
)
def test_case_spaces_and_the_last_sign_of_a_question_do_not_matter(tmp_path: Path, question: str) -> None:
    assert read(tmp_path, FILE).find(question) is not None


def test_a_pattern_is_searched_for_and_its_groups_are_found(tmp_path: Path) -> None:
    answers = read(tmp_path, FILE)
    found = answers.find("And how many orders PLACED today?")
    assert found is not None
    assert found[1] == {"status": "PLACED"}
    assert answers.find("How many customers?") is None


def test_an_exact_question_comes_before_a_pattern() -> None:
    patterns = [{"pattern": "orders", "sql": "select 1"}, {"question": "Orders?", "sql": "select 2"}]
    found = Answers.read({"questions": patterns}).find("orders")
    assert found is not None
    assert found[0].sql == "select 2"


def test_scalars_stay_what_is_written(tmp_path: Path) -> None:
    evaluation = read(tmp_path, FILE).evaluation("shop")
    assert evaluation is not None
    assert evaluation.questions[0].expected_answer == "0200"


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"sql": "select 1"}, "question"),
        ({"question": "a", "pattern": "b", "sql": "select 1"}, "question"),
        ({"question": "a"}, "sql"),
        ({"question": "a", "sql": ""}, "sql"),
        ({"pattern": "(", "sql": "select 1"}, "pattern"),
        ({"question": "a", "sql": "select 1", "text": "{{ value"}, "text"),
        ({"question": "a", "sql": "select 1", "chart": {"z": "a"}}, "chart, z"),
        ({"question": "a", "sql": "select 1", "txt": "a"}, "txt"),
        ("a", "entry 2"),
    ],
)
def test_a_mistake_names_file_entry_and_field(tmp_path: Path, entry: Any, field: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(repr({"questions": [{"question": "ok", "sql": "select 1"}, entry]}), encoding="utf-8")
    with pytest.raises(ValueError, match="entry 2") as raised:
        Sandbox(answers=path)
    assert str(path) in str(raised.value)
    assert field in str(raised.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="entry 1") as raised:
        Answers.read({"questions": [{"question": "a"}], "evaluations": [{"id": "b", "questions": []}], "more": 1})
    assert {"questions, entry 1, sql", "evaluations, entry 1, questions", "more"} <= {
        line.strip().partition(":")[0] for line in str(raised.value).splitlines()
    }


@pytest.mark.parametrize("text", ["a: [", "- 1", "questions: 5", "\x00"])
def test_what_is_no_answers_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="answers"):
        read(tmp_path, text)


def test_two_questions_of_one_id_are_refused() -> None:
    questions = [{"id": "a", "question": "?", "expected_answer": number} for number in (1, 2)]
    with pytest.raises(ValueError, match="evaluations, entry 1, questions"):
        Answers.read({"evaluations": [{"id": "shop", "questions": questions}]})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.yaml"):
        Sandbox(answers=tmp_path / "none.yaml")


def test_without_a_warehouse_an_entry_runs_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(FILE, encoding="utf-8")
    with Sandbox(answers=path, evaluation_polls=0) as dot:
        answer = Api(dot).ask("orders paid?")[-1]
        run = Api(dot).post("/evaluations/shop/runs", {}).json()
    assert answer["explanation"] == "paid!"
    assert run["verdict"] == "pass"
