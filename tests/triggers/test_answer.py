"""Waiting for an answer in the triggerer."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from dot_provider.api import DotClient
from dot_provider.api.ask import submit
from dot_provider.triggers.answer import DotAnswerTrigger


def _trigger(**changes: Any) -> DotAnswerTrigger:
    arguments: dict[str, Any] = {
        "dot_conn_id": "dot_default",
        "environment": None,
        "chat_id": "chat",
        "positions": [0],
        "deadline": time.time() + 30,
        "poll_interval": 0.05,
    }
    return DotAnswerTrigger(**{**arguments, **changes})


def _asked(dot: Any, question: str = "How many orders?") -> None:
    with DotClient(token=dot.token, base_url=dot.base_url) as client:
        client.run(submit(question, "chat"))


async def _event(trigger: DotAnswerTrigger) -> dict[str, Any]:
    async for event in trigger.run():
        return event.payload
    raise AssertionError("no event")


def test_what_airflow_stores_is_ids_and_times_and_makes_the_same_trigger_again() -> None:
    path, kwargs = _trigger(positions=[0, 1]).serialize()
    assert path == f"{DotAnswerTrigger.__module__}.{DotAnswerTrigger.__name__}"
    stored = json.loads(json.dumps(kwargs))
    assert DotAnswerTrigger(**stored).serialize() == (path, kwargs)
    assert set(stored) == {
        "dot_conn_id",
        "environment",
        "chat_id",
        "positions",
        "deadline",
        "poll_interval",
        "quiet_for",
    }


@pytest.mark.parametrize("question", ["How many orders?", "[fail] How many?", "[confirm] How many?"])
async def test_good_and_bad_results_both_resume_the_task(sandbox: Any, question: str) -> None:
    dot = sandbox(answer_polls=3, hold_requests=False)
    _asked(dot, question)
    assert await _event(_trigger()) == {"version": 1, "status": "finished", "chat_id": "chat", "positions": [0]}


async def test_only_reads(sandbox: Any) -> None:
    dot = sandbox(answer_polls=3, hold_requests=False)
    _asked(dot)
    dot.requests_before = len(dot.requests)
    await _event(_trigger())
    assert {(r.method, r.path) for r in dot.requests[dot.requests_before :]} == {("GET", "/api/c2/chat")}


async def test_two_copies_of_one_trigger_see_the_same(sandbox: Any) -> None:
    dot = sandbox(answer_polls=3, hold_requests=False)
    _asked(dot)
    assert await _event(_trigger()) == await _event(_trigger())
    assert dot.conversations["chat"].posts == 1


async def test_a_deadline_in_the_past_ends_the_wait(sandbox: Any) -> None:
    dot = sandbox(answer_polls=10_000, hold_requests=False)
    _asked(dot)
    event = await _event(_trigger(deadline=time.time() - 1))
    assert (event["status"], event["reason"]) == ("timeout", "DotTimeoutError")


async def test_a_refusal_ends_the_wait_at_once_and_only_its_kind_travels(sandbox: Any, dot_connection: Any) -> None:
    dot = sandbox(answer_polls=10_000, hold_requests=False)
    _asked(dot)
    dot_connection(host=dot.base_url, password="another-token")
    event = await _event(_trigger())
    assert event == {
        "version": 1,
        "status": "unreadable",
        "reason": "DotAuthError",
        "chat_id": "chat",
        "positions": [0],
    }


async def test_some_failed_polls_in_a_row_are_outlived(sandbox: Any) -> None:
    dot = sandbox(answer_polls=1, hold_requests=False)
    _asked(dot)
    dot.fail_next("/c2", times=3, status=500)
    assert (await _event(_trigger()))["status"] == "finished"


async def test_an_unknown_connection_is_reported_not_raised(airflow_db: None) -> None:
    event = await _event(_trigger(dot_conn_id="nowhere"))
    assert (event["status"], event["reason"]) == ("unreadable", "DotConfigError")
