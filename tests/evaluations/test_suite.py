"""A suite is read as it was written, and everything that is wrong with it is told at once, offline."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from dot_provider.api import EvaluationSuite
from dot_provider.api.errors import DotUsageError
from dot_provider.api.templates import render
from dot_provider.evaluations.__main__ import main
from dot_provider.evaluations.suite import DOT_FIELDS, OUR_FIELDS, SUITE_FIELDS

GOOD = """\
name: Shop basics
evaluation_id: shop-basics
defaults: {conn_id: warehouse, tolerance_pct: 1, owners: [team:finance]}
questions:
  - id: orders.count
    question: How many orders were placed in {{ ds[:7] }}?
    sql: select count(*) from {{ ref('orders') }}
    answer_type: count
    tolerance_pct: 0
  - id: revenue
    question: What is our revenue?
    metric: {name: revenue, where: "{{ Dimension('order__status') }} = 'completed'"}
    unit: EUR
  - id: vat
    question: What is our VAT rate?
    expected_answer: 19%
    source: finance handbook 3.2
    severity: warn
"""


def question(**fields: Any) -> dict[str, Any]:
    return {"id": "q1", "question": "How many?", "expected_answer": "1", **fields}


def suite(*questions: Any, **fields: Any) -> EvaluationSuite:
    return EvaluationSuite.read({"name": "s", "evaluation_id": "e", "questions": list(questions), **fields})


def written(tmp_path: Path, text: str, name: str = "suite.yaml") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def test_a_file_is_read_with_its_lines_and_defaults(tmp_path: Path) -> None:
    read = EvaluationSuite.read(written(tmp_path, GOOD))
    assert read.problems() == []
    assert (read.name, read.evaluation_id, read.warned) == ("Shop basics", "shop-basics", {"vat"})
    assert [(one.id, one.line, one.owners) for one in read.questions] == [
        ("orders.count", 5, ["team:finance"]),
        ("revenue", 10, ["team:finance"]),
        ("vat", 14, ["team:finance"]),
    ]


@pytest.mark.parametrize("text", ["0123", "12345678901234567.89", "2026-01-31", "1_000"])
def test_answers_are_texts_as_they_were_written(tmp_path: Path, text: str) -> None:
    yaml = f"name: s\nevaluation_id: e\nquestions:\n  - id: on\n    question: q\n    expected_answer: {text}\n"
    (one,) = EvaluationSuite.read(written(tmp_path, yaml)).questions
    assert (one.id, one.fields["expected_answer"]) == ("on", text)


def test_a_mark_at_the_beginning_of_a_file_is_none_of_its_text(tmp_path: Path) -> None:
    for name, text in (("s.yaml", GOOD), ("s.json", json.dumps({"name": "s", "questions": [question()]}))):
        assert EvaluationSuite.read(written(tmp_path, f"\ufeff{text}", name)).problems() == []


def test_a_day_of_python_is_a_day() -> None:
    assert suite(question(expected_answer=date(2026, 1, 31))).to_payload()[0]["expected_answer"] == "2026-01-31"


def test_json_keeps_every_digit(tmp_path: Path) -> None:
    text = '[{"id": "a", "question": "q", "expected_answer": 1234567890123456.78}]'
    text = f'{{"name": "s", "evaluation_id": "e", "questions": {text}}}'
    read = EvaluationSuite.read(written(tmp_path, text, "s.json"))
    assert read.to_payload()[0]["expected_answer"] == "1234567890123456.78"


WRONG_QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({"expected_anwser": "1"}, "did you mean expected_answer"),
    ({"id": "-x"}, "id must begin"),
    ({"id": ""}, "id must begin"),
    ({"question": " "}, "question is missing"),
    ({"question": "x" * 1001}, "more than 1000"),
    ({"expected_answer": "about ten"}, "'about ten' must be a finite number"),
    ({"expected_answer": "nan"}, "must be a finite number"),
    ({"expected_answer": float("inf")}, "expected_answer must be text or a number"),
    ({"expected_answer": True}, "expected_answer must be text or a number"),
    ({"expected_answer": "1,234"}, "thousands separators"),
    ({"expected_answer": "٣"}, "must be a finite number"),
    ({"expected_answer": "2026-02-30"}, "no day of the calendar"),
    ({"sql": "select 1"}, "exactly one of"),
    ({"answer_type": "money"}, "answer_type must be one of"),
    ({"tolerance_pct": 101}, "tolerance_pct must be a number from 0 to 100"),
    ({"tolerance_pct": "nan"}, "tolerance_pct must be a number from 0 to 100"),
    ({"severity": "fatal"}, "severity must be error or warn"),
    ({"owners": "me"}, "owners must be a list"),
    ({"metric": "revenue"}, "metric must be a mapping"),
    ({"question": "How many {{ in ds?"}, "the template is wrong"),
    ({"question": "How\0many?"}, "question holds a character"),
    ({"unit": "\ud800"}, "unit holds a character"),
    ({"answer_type": "date"}, "'1' does not fit answer_type date"),
    ({"answer_type": "count", "expected_answer": "2026-01-31"}, "does not fit answer_type count"),
    ({"metric": {"name": "revenue", "where": ["a"]}}, "metric must be a mapping"),
]


@pytest.mark.parametrize(("fields", "words"), WRONG_QUESTIONS)
def test_what_is_wrong_with_a_question_is_told(fields: dict[str, Any], words: str) -> None:
    found = suite(question(**fields)).problems()
    assert any(words in problem for problem in found), found
    with pytest.raises(DotUsageError, match="nothing was sent"):
        suite(question(**fields)).to_payload()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"nam": "s"}, "did you mean name"),
        ({"name": ""}, "name is missing"),
        ({"name": "x" * 161}, "more than 160"),
        ({"evaluation_id": "a/b"}, "evaluation_id"),
        ({"questions": []}, "empty suite"),
        ({"questions": "q"}, "questions must be a list"),
        ({"questions": ["q"]}, r"questions[0] must be a mapping"),
        ({"defaults": {"sql": "select 1"}}, "defaults: 'sql'"),
        ({"questions": [question(), question()]}, "the same id"),
    ],
)
def test_what_is_wrong_with_a_suite_is_told(fields: dict[str, Any], words: str) -> None:
    found = suite(question(), **fields).problems()
    assert any(words in problem for problem in found), found


def test_all_problems_are_told_in_one_error() -> None:
    with pytest.raises(DotUsageError) as caught:
        suite(question(id="a", sql="x"), question(id="b", severity="x"), question(id="b")).check()
    assert str(caught.value).count("\n- ") == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("questions: [{question: Who?, a: b}]", "no suite|problem|no YAML"),
        ("name: a\nname: b\n", "line 2: 'name' stands there twice"),
        ("a: &x [1]\nb: *x\n", "line 2: aliases"),
        ("[" * 500, "nested too deeply|no YAML"),
        ("a: [" * 3, "no YAML"),
        ("- a\n- b\n", "must be a mapping"),
        ("", "must hold one document"),
        ("a: 1\n---\nb: 2\n", "must hold one document"),
        ("? [a]\n: b\n", "name must be text"),
        ("a: \x00", "no YAML"),
    ],
)
def test_what_is_no_suite_is_told_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        EvaluationSuite.read(written(tmp_path, text)).check()


@pytest.mark.parametrize(
    "text", ["{", "[]", "[" * 100_000, '{"name": "a", "name": "b"}', "\ud800".encode("utf-8", "surrogatepass")]
)
def test_what_is_no_json_suite_is_told(tmp_path: Path, text: str | bytes) -> None:
    (tmp_path / "s.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DotUsageError):
        EvaluationSuite.read(tmp_path / "s.json").check()


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_suite_or_our_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("s") / "s.yaml"
    path.write_bytes(data)
    with pytest.raises(DotUsageError):
        EvaluationSuite.read(path).check()


VALUES = st.one_of(
    st.text(max_size=5), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.text(max_size=3), max_size=2)
)
FIELDS = st.sampled_from(
    [*DOT_FIELDS, "sql", "sql_file", "metric", "conn_id", "severity", "owners", "table", "asset", "x"]
)


@settings(max_examples=1000)
@given(st.lists(st.dictionaries(FIELDS, VALUES, max_size=6), max_size=3), st.booleans())
def test_nothing_but_dots_own_fields_ever_leaves(questions: list[dict[str, Any]], whole: bool) -> None:
    made = [{**one, "id": f"q{n}", "question": "q", "expected_answer": "1"} for n, one in enumerate(questions)]
    try:
        payload = suite(*(made if whole else questions)).to_payload()
    except DotUsageError:
        return
    assert all({*one} <= {*DOT_FIELDS} for one in payload)
    json.dumps(payload)


def test_numbers_do_not_change_the_definition_and_questions_do() -> None:
    first = suite(question()).definition_fingerprint
    assert suite(question(expected_answer="2", severity="warn", owners=["me"])).definition_fingerprint == first
    assert suite(question(question="Who?")).definition_fingerprint != first
    two = suite(question(), question(id="q2"))
    assert two.only(["q1"]).definition_fingerprint == first != two.definition_fingerprint


def test_an_answer_that_was_not_computed_is_not_sent() -> None:
    with pytest.raises(DotUsageError, match="has no answer yet"):
        suite({"id": "q1", "question": "q", "sql": "select 1", "conn_id": "w"}).to_payload()


def test_the_command_line_checks_files_offline(tmp_path: Path, capsys: Any) -> None:
    good = written(tmp_path, GOOD)
    assert main(["check", str(good)]) == 0
    bad = written(tmp_path, GOOD.replace("sql:", "sql_file: none.sql #"), "bad.yaml")
    assert main(["check", str(good), str(bad), str(tmp_path / "none.yaml")]) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "orders.count (line 5)" in told[0]


def test_reading_a_suite_imports_neither_jinja_nor_requests(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    read = f"from dot_provider.api import EvaluationSuite, judge; EvaluationSuite.read({str(path)!r})"
    program = f"import sys; {read}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"jinja2", "requests", "duckdb", "dlt", "aiohttp", "airflow", "dagster"} & {*ran.stdout.split()} == set()


def test_the_schema_for_editors_says_what_the_code_says(capsys: Any) -> None:
    """As far as a schema can: it reads neither numbers in texts nor templates."""
    import yaml

    jsonschema = pytest.importorskip("jsonschema")
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert set(schema["properties"]) == set(SUITE_FIELDS)
    assert set(schema["properties"]["questions"]["items"]["properties"]) == {*DOT_FIELDS, *OUR_FIELDS}
    assert list(validator.iter_errors(yaml.safe_load(GOOD))) == []
    in_texts = ("a finite number", "0 to 100", "separators", "calendar", "the template", "question is missing", "fit")
    in_texts += ("holds a character",)
    for fields, words in WRONG_QUESTIONS:
        whole = {"name": "s", "questions": [question(**fields)]}
        unsaid = any(one in words for one in in_texts) or float("inf") in fields.values()
        assert unsaid or list(validator.iter_errors(whole)), fields


@pytest.mark.parametrize("field", ["id", "question", "expected_answer", "unit"])
def test_null_is_no_text(tmp_path: Path, field: str) -> None:
    fields = {"id": "a", "question": "How many?", "expected_answer": "1", field: "null"}
    lines = "".join(f"    {name}: {value}\n" for name, value in fields.items())
    text = f"name: s\nevaluation_id: e\nquestions:\n  -\n{lines}"
    (problem,) = EvaluationSuite.read(written(tmp_path, text)).problems()
    assert f"{field} must be text" in problem
    assert not EvaluationSuite.read(written(tmp_path, text.replace("unit: null", 'unit: "null"'))).problems() or (
        field != "unit"
    )


def test_a_template_that_comes_to_nothing_is_no_word() -> None:
    for environment in (None, Environment(undefined=StrictUndefined)):
        assert render("{% set a = none %}{{ a or 5 }}", {}, environment) == "5"
        for template in ("{{ none }}", "select {{ day }}", "{{ [].append(1) }}"):
            with pytest.raises(ValueError, match="nothing"):
                render(template, {"day": None}, environment)
