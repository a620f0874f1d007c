"""``@task.dot_ask``."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.exceptions import AirflowFailException
from airflow.sdk import DAG, task


@pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])
def test_the_function_returns_the_question(sandbox: Any, run_dag: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=1, hold_requests=False)
    with DAG("asks", schedule=None) as dag:

        @task
        def topic() -> str:
            return "orders {{ conn.warehouse.password }} {%"

        @task.dot_ask(deferrable=deferrable, poll_interval=0.05, follow_ups=["Why?"])
        def count(what: str, dag: Any = None) -> str:
            return f"How many {what} has {dag.dag_id}?"

        count(topic())
    run = run_dag(dag)
    assert run.state == "success"
    assert run.xcom("count")["question"] == "How many orders {{ conn.warehouse.password }} {% has asks?"
    assert run.xcom("count")["follow_ups"][0]["question"] == "Why?"
    assert [len(chat.turns) for chat in dot.conversations.values()] == [2]


@pytest.mark.parametrize("returned", [None, " ", 7])
def test_a_function_without_a_question_is_refused(sandbox: Any, run_dag: Any, returned: Any) -> None:
    dot = sandbox()
    with DAG("asks_nothing", schedule=None) as dag:

        @task.dot_ask
        def count() -> Any:
            return returned

        count()
    error = run_dag(dag).error("count")
    assert isinstance(error, AirflowFailException)
    assert "count must return the question as text" in str(error)
    assert dot.requests == []
