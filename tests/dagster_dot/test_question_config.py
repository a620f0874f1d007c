"""What one run can set for a question, and what an answer must hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_question_asset
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.location import one_question_asked_anew
from tests.dagster_dot.runs import Run

QUESTION = "How many orders?"
ANSWERS = {
    "questions": [
        {"question": QUESTION, "sql": "select 8530 as orders"},
        {
            "question": "How many orders per month?",
            "sql": "select * from (values ('2026-01', 3), ('2026-02', 4)) t(month, n)",
        },
        {"question": "And last year?", "sql": "select 12 as orders"},
    ]
}


@pytest.fixture
def dot() -> Iterator[Sandbox]:
    with Sandbox(answers=ANSWERS) as sandbox:
        yield sandbox


def materialize(dot: Sandbox, asked: dg.AssetsDefinition, config: dict[str, Any] | None = None, **more: Any) -> Run:
    resource = DotResource(api_token=dot.token, base_url=dot.base_url)
    run_config = {"ops": {asked.op.name: {"config": config}}} if config else None
    return Run(
        dg.materialize([asked], resources={"dot": resource}, run_config=run_config, raise_on_error=False, **more)
    )


def asked_questions(dot: Sandbox) -> list[str]:
    return [turn.question for chat in dot.conversations.values() for turn in chat.turns]


def test_a_number_stands_beside_the_answer(dot: Sandbox) -> None:
    metadata = materialize(dot, build_dot_question_asset(question=QUESTION)).metadata("dot/how_many_orders")
    assert metadata["value"] == 8530
    assert "\n" not in metadata["summary"]
    assert metadata["summary"]


def test_a_run_asks_another_question_once(dot: Sandbox) -> None:
    asked = build_dot_question_asset(question=QUESTION, follow_ups=["Why?"])
    materialize(dot, asked, {"question": "And last year?"})
    assert asked_questions(dot) == ["And last year?"]


def test_force_asks_anew_where_a_reexecution_would_take_the_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dot: Sandbox
) -> None:
    monkeypatch.setenv("DOT_API_TOKEN", dot.token)
    monkeypatch.setenv("DOT_BASE_URL", dot.base_url)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        job = dg.reconstructable(one_question_asked_anew)
        first = dg.execute_job(job, instance)
        again = dg.ReexecutionOptions(parent_run_id=first.run_id)
        for force, asked in ((False, 1), (True, 2)):
            config = {"ops": {"dot__how_many_orders_in_region_0": {"config": {"force": force}}}}
            assert dg.execute_job(job, instance, run_config=config, reexecution_options=again).success
            assert len(asked_questions(dot)) == asked


@pytest.mark.parametrize(
    ("expect", "check", "passed"),
    [
        ("number", None, True),
        ({"number": "EUR"}, "value < 10000", True),
        ("number", "value < 1000", False),
        ({"type": "array", "items": {"required": ["orders"]}}, None, True),
        ({"type": "array", "items": {"required": ["customers"]}}, None, False),
        (None, "'orders' in text or true", True),
    ],
)
def test_an_answer_is_checked(dot: Sandbox, expect: Any, check: str | None, passed: bool) -> None:
    asked = build_dot_question_asset(question=QUESTION, expect=expect, check=check)
    (found,) = materialize(dot, asked).result.get_asset_check_evaluations()
    assert found.passed is passed
    assert ("value" in found.metadata) is (expect in ("number", {"number": "EUR"}))


def test_what_is_downstream_of_an_unexpected_answer_does_not_run(dot: Sandbox) -> None:
    asked = build_dot_question_asset(question="How many orders per month?", name="orders", expect="number")

    @dg.asset(deps=[asked])
    def report() -> None:
        raise AssertionError("not to be run")

    resource = DotResource(api_token=dot.token, base_url=dot.base_url)
    result = dg.materialize([asked, report], resources={"dot": resource}, raise_on_error=False)
    assert result.asset_materializations_for_node("dot__orders")
    assert not result.get_step_success_events()


def test_no_follow_up_is_asked_beyond_the_limit(dot: Sandbox) -> None:
    asked = build_dot_question_asset(question=QUESTION, follow_ups=["And last year?"], max_credits=0.0001)
    metadata = materialize(dot, asked).metadata("dot/how_many_orders")
    assert metadata["not_asked"] == "- And last year?"
    assert asked_questions(dot) == [QUESTION]
