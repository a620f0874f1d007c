"""Credits under control: a limit for a series and for mapped tasks, and what answers cost is told."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG, Asset

from dot_provider.api import DotUsageError
from dot_provider.operators import DotAskOperator
from tests.operators.test_ask import BOTH_WAYS, QUICK


@BOTH_WAYS
def test_no_further_question_is_asked_beyond_the_limit(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=1, hold_requests=False)
    asks = {"question": "How many orders?", "follow_ups": ["By region?", "Why?"], "deferrable": deferrable, **QUICK}
    run = run_task(DotAskOperator, max_credits=0.0001, **asks)
    assert run.state == "success"
    assert run.xcom("task")["not_asked"] == ["By region?", "Why?"]
    (chat,) = dot.conversations.values()
    assert len(chat.turns) == 1


def test_a_limit_that_is_not_reached_leaves_nothing_out(sandbox: Any, run_task: Any) -> None:
    sandbox()
    run = run_task(DotAskOperator, question="How many orders?", follow_ups=["Why?"], max_credits=1000)
    assert "not_asked" not in run.xcom("task")
    assert run.xcom("task", key="dot_credits") > 0


def test_mapped_tasks_share_a_limit(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    with DAG("shares_a_limit", schedule=None) as dag:
        DotAskOperator.partial(task_id="ask", max_credits=0.0001, max_active_tis_per_dagrun=1).expand(
            question=["How many orders?", "How many customers?", "How many products?"]
        )
    run = run_dag(dag)
    states = sorted(ti.state for ti in run.dag_run.get_task_instances())
    assert states == ["skipped", "skipped", "success"]
    assert len(dot.conversations) == 1


def test_what_an_answer_cost_is_in_the_event_of_its_asset(sandbox: Any, run_task: Any) -> None:
    sandbox()
    run = run_task(DotAskOperator, question="How many orders?", outlets=[Asset("answer")])
    assert run.state == "success"
    assert run.xcom("task", key="dot_credits") == run.xcom("task")["credits"]


@pytest.mark.parametrize("arguments", [{"max_credits": -1}, {"max_credits": "many"}, {"max_credits": True}])
def test_an_impossible_limit_is_refused_before_anything_is_asked(sandbox: Any, run_task: Any, arguments: Any) -> None:
    dot = sandbox()
    assert run_task(DotAskOperator, question="How many orders?", **arguments).state == "failed"
    assert not dot.conversations


def test_an_unknown_word_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(DotUsageError, match="on_credits"):
        DotAskOperator(task_id="ask", question="How many orders?", on_credits="continue")
