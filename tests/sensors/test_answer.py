"""Waiting for answers that others have asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.exceptions import AirflowFailException

from dot_provider.api import DotClient
from dot_provider.api.ask import submit
from dot_provider.api.errors import DotUsageError
from dot_provider.sensors import DotAnswerSensor

BOTH_WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])


def _asked(dot: Any, question: str = "How many orders?") -> None:
    with DotClient(dot.token, dot.base_url) as client:
        client.run(submit(question, "chat"))


@BOTH_WAYS
def test_waits_for_the_answer_and_returns_it(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=3, hold_requests=False)
    _asked(dot)
    run = run_task(DotAnswerSensor, chat_id="chat", poke_interval=0.05, deferrable=deferrable)
    assert run.state == "success"
    assert run.xcom("task")["question"] == "How many orders?"
    assert run.xcom("task", "_link_DotLink") == f"{dot.base_url}/?c=chat"
    assert run.deferrals("task") == deferrable
    assert dot.conversations["chat"].posts == 1


@BOTH_WAYS
@pytest.mark.parametrize(("soft_fail", "state"), [(False, "failed"), (True, "skipped")])
def test_a_question_that_failed_fails_or_skips(
    sandbox: Any, run_task: Any, deferrable: bool, soft_fail: bool, state: str
) -> None:
    dot = sandbox(answer_polls=2, hold_requests=False)
    _asked(dot, "[fail] How many?")
    run = run_task(
        DotAnswerSensor,
        chat_id="chat",
        poke_interval=0.05,
        deferrable=deferrable,
        soft_fail=soft_fail,
        mode="poke",
    )
    assert run.states == {"task": state}


@BOTH_WAYS
@pytest.mark.parametrize(("soft_fail", "state"), [(False, "failed"), (True, "skipped")])
def test_a_chat_that_never_comes_times_out(
    sandbox: Any, run_task: Any, deferrable: bool, soft_fail: bool, state: str
) -> None:
    sandbox()
    run = run_task(
        DotAnswerSensor, chat_id="chat", poke_interval=0.05, timeout=0.2, deferrable=deferrable, soft_fail=soft_fail
    )
    assert run.states == {"task": state}


def test_a_failure_that_can_pass_counts_as_not_yet(sandbox: Any) -> None:
    dot = sandbox()
    _asked(dot)
    sensor = DotAnswerSensor(task_id="t", chat_id="chat")
    ti = type("TI", (), {"xcom_push": lambda *_, **__: None})()
    dot.fail_next("/c2", status=500)
    assert not sensor.poke({"ti": ti})
    assert sensor.poke({"ti": ti})


def test_bad_input_is_refused(sandbox: Any) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match="chat_id is empty"):
        DotAnswerSensor(task_id="t", chat_id="").poke({})
    assert dot.requests == []
    with pytest.raises(DotUsageError, match="position must be a whole number from 0, not -1"):
        DotAnswerSensor(task_id="t", chat_id="c", position=-1)


@pytest.mark.parametrize("name", ["poll_interval", "poke_interval"])
def test_a_look_is_as_far_from_the_next_as_either_word_says(name: str) -> None:
    sensor = DotAnswerSensor(task_id="t", chat_id="c", timeout=timedelta(hours=1), **{name: timedelta(seconds=90)})
    assert sensor.poke_interval == 90
    assert sensor.make_trigger(deadline=1.0).serialize()[1]["poll_interval"] == 90


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"poll_interval": "soon"}, "Task t: poll_interval must be a number of seconds above 0, or a timedelta"),
        ({"poll_interval": 5, "poke_interval": 60}, "Task t: poll_interval and poke_interval mean the same"),
    ],
)
def test_an_interval_that_is_none_or_two_is_refused_when_the_dag_is_parsed(arguments: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        DotAnswerSensor(task_id="t", chat_id="c", **arguments)


@BOTH_WAYS
def test_an_answer_without_a_form_is_taken_from_a_quiet_chat(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox()
    _asked(dot)
    dot.conversations["chat"].turns[0].reply = {"role": "assistant", "content": "There were 42 orders."}
    run = run_task(DotAnswerSensor, chat_id="chat", poke_interval=0.1, timeout=3, deferrable=deferrable)
    assert run.state == "success"  # after half of its timeout
    assert run.xcom("task")["text"] == "There were 42 orders."
