"""Waiting only reads, survives restarts and outages, and tells an answer from a failure."""

from __future__ import annotations

import pytest

from dot_provider.api import DotAnswerFailedError, DotAuthError, DotServerError, DotTimeoutError
from dot_provider.api.flows.polling import FAILING_FOR, POLL_FAILURES
from dot_provider.api.flows.question import Question, Submitted
from dot_provider.api.flows.waiting import POLL_INTERVAL, wait_for_answer
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock

LATER = FakeClock().now() + 600
WATCHED = Submitted(Question("", "chat-1"))
"""A question as a trigger knows it: by chat and place, without its words."""


def test_a_watched_question_is_answered_by_reads_alone(connect: Connect) -> None:
    with Sandbox(answer_polls=3, hold_requests=False) as dot:
        client = connect(dot.base_url)
        _post(dot)

        answer = client.run(wait_for_answer(client.server, WATCHED, deadline=LATER))

        assert answer.question == "How many orders?"
        assert {r.method for r in dot.requests[1:]} == {"GET"}
        assert len(dot.requests) == 5


def test_the_first_look_is_taken_at_once(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    clock = FakeClock()
    client = connect(dot.base_url, clock=clock)

    client.run(wait_for_answer(client.server, WATCHED, deadline=LATER))

    assert clock.waits == []


def test_an_answer_that_came_while_nobody_looked_is_found_behind_the_deadline(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    client = connect(dot.base_url)

    assert client.run(wait_for_answer(client.server, WATCHED, deadline=0)).text


def test_behind_the_deadline_a_question_at_work_is_late(connect: Connect) -> None:
    with Sandbox(answer_polls=100, hold_requests=False) as dot:
        _post(dot)
        client = connect(dot.base_url)

        with pytest.raises(DotTimeoutError, match="it may still do so in"):
            client.run(wait_for_answer(client.server, WATCHED, deadline=0))


def test_a_chat_that_is_not_there_yet_is_waited_for(connect: Connect) -> None:
    with Sandbox(unseen_polls=3) as dot:
        _post(dot)
        client = connect(dot.base_url)

        assert client.run(wait_for_answer(client.server, WATCHED, deadline=LATER)).text


def test_an_outage_of_minutes_is_waited_out(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    dot.fail_next("/c2", status=500, times=int(FAILING_FOR / POLL_INTERVAL) - 1)
    client = connect(dot.base_url)

    assert client.run(wait_for_answer(client.server, WATCHED, deadline=LATER)).text


def test_an_outage_without_end_ends_as_what_it_is(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/c2", status=500, times=1000)
    clock = FakeClock()
    client = connect(dot.base_url, clock=clock)

    with pytest.raises(DotServerError):
        client.run(wait_for_answer(client.server, WATCHED, deadline=LATER))

    assert FAILING_FOR <= sum(clock.waits) < FAILING_FOR + 2 * POLL_INTERVAL


def test_a_few_slow_looks_that_fail_do_not_end_the_wait(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/c2", status=500, times=1000)
    client = connect(dot.base_url)

    with pytest.raises(DotServerError):
        client.run(wait_for_answer(client.server, WATCHED, deadline=LATER * 2, poll_interval=FAILING_FOR))

    assert len(dot.requests) == POLL_FAILURES


def test_a_refusal_ends_the_wait_at_once(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url, token="wrong")

    with pytest.raises(DotAuthError):
        client.run(wait_for_answer(client.server, WATCHED, deadline=LATER))

    assert len(dot.requests) == 1


def test_a_failure_says_what_dot_said_and_where(connect: Connect, dot: Sandbox) -> None:
    _post(dot, "Revenue [fail]")
    client = connect(dot.base_url)

    with pytest.raises(DotAnswerFailedError, match="The sandbox was asked to fail this question") as caught:
        client.run(wait_for_answer(client.server, WATCHED, deadline=LATER))

    assert caught.value.chat_url == f"{dot.base_url}/?c=chat-1"


def _post(dot: Sandbox, question: str = "How many orders?") -> None:
    import requests

    body = {"messages": [{"role": "user", "content": question}], "chat_id": "chat-1"}
    requests.post(f"{dot.base_url}/api/agentic", json=body, headers={"X-API-KEY": dot.token}, timeout=10)
