"""What is written of a judged run: files that parse whatever Dot says, and incidents of tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dot_provider.api import EvaluationSuite, judge
from dot_provider.api.errors import DotTransientError
from dot_provider.api.evaluations import EvaluationQuestion, EvaluationRun
from dot_provider.evaluations.report import (
    deviation,
    evaluation_incidents,
    gate_record,
    gate_to_json,
    gate_to_junit,
    gate_to_markdown,
    save_gate,
)

HOSTILE = "a\x00b\x0bc\ud800 | <d> & \n e"


def run_of(*verdicts: str, **fields: Any) -> EvaluationRun:
    results = [
        {
            "id": f"q{n}",
            "question": f"How many {HOSTILE}?",
            "verdict": word,
            "expected": "12345678901234567.89",
            **fields,
        }
        for n, word in enumerate(verdicts, 1)
    ]
    return EvaluationRun.from_record(
        {"id": "evr_1", "status": "completed", "evaluation_id": "shop", "results": results}
    )


@pytest.mark.parametrize(
    ("verdicts", "warned", "counts"),
    [
        (["pass", "pass"], [], ("2", "0", "0", "0")),
        (["pass", "fail"], [], ("3", "2", "0", "0")),
        (["pass", "fail"], ["q2"], ("2", "0", "0", "1")),
        (["error", "fail", "pending"], [], ("4", "1", "3", "0")),
        ([], [], ("1", "0", "1", "0")),
    ],
)
def test_junit_counts_as_the_gate_does(verdicts: list[str], warned: list[str], counts: tuple[str, ...]) -> None:
    suite = ElementTree.fromstring(gate_to_junit(judge(run_of(*verdicts), warned=warned)))[0]
    assert tuple(suite.get(name) for name in ("tests", "failures", "errors", "skipped")) == counts
    assert len(suite) == int(counts[0])


def test_numbers_stay_texts_and_the_wrong_ones_stand_first() -> None:
    gate = judge(run_of("pass", "fail"))
    record = gate_record(gate)
    assert [one["id"] for one in record["questions"]] == ["q2", "q1"]
    assert record["questions"][0]["expected"] == "12345678901234567.89"
    assert json.loads(gate_to_json(gate))["gate"] == record
    assert len(gate_record(judge(run_of(*["pass"] * 300)))["questions"]) == 200
    rows = [line for line in gate_to_markdown(gate).splitlines() if line.startswith("|")]
    assert [line.count("|") for line in rows] == [6] * 4


def test_the_files_are_written_also_of_hostile_words(tmp_path: Path) -> None:
    paths = save_gate(judge(run_of("fail", reason=HOSTILE)), tmp_path / "new")
    assert [Path(path).name for path in paths] == ["junit.xml", "evaluation.json", "evaluation.md"]
    ElementTree.parse(tmp_path / "new" / "junit.xml")
    (tmp_path / "file").touch()
    with pytest.raises(DotTransientError, match="was not saved"):
        save_gate(judge(run_of("pass")), tmp_path / "file")


def test_incidents_are_of_questions_that_name_a_table() -> None:
    questions = [
        {"id": "q1", "question": "a", "expected_answer": 1, "table": "orders", "severity": "warn"},
        {"id": "q2", "question": "b", "expected_answer": 1, "table": "orders"},
        {"id": "q3", "question": "c", "expected_answer": 1},
        {"id": "q4", "question": "d", "expected_answer": 1, "table": "orders"},
    ]
    suite = EvaluationSuite.read({"name": "s", "evaluation_id": "shop", "questions": questions})
    items = evaluation_incidents(judge(run_of("fail", "pass", "fail", "error")), suite, "https://ci")
    assert [(item["check"], item["status"], item["severity"], item["url"]) for item in items] == [
        ("evaluation shop: q1", "open", "warn", "https://ci"),
        ("evaluation shop: q2", "resolved", "error", "https://ci"),
    ]


@pytest.mark.parametrize(
    ("expected", "observed", "off"),
    [
        *[("200", "194", "-3.00 %"), ("-10", "-9", "+10.00 %"), ("€ 5", "5", "+0.00 %")],
        *[("0", "1", ""), ("2026-01-31", "1", ""), ("1", "1e999999", ""), ("1", "nan", ""), ("", "", "")],
    ],
)
def test_a_deviation_is_a_share_of_what_is_expected(expected: str, observed: str, off: str) -> None:
    assert deviation(EvaluationQuestion("q", expected=expected, observed=observed)) == off
