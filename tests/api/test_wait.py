"""Waiting only reads, survives restarts and outages, and tells an answer from a failure."""

from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api import DotAnswerFailedError, DotAuthError, DotServerError, DotTimeoutError
from dot_provider.api.ask import ANSWER_TIMEOUT
from dot_provider.api.post_once import AskedQuestion
from dot_provider.api.wait import FAILING_FOR, POLL_FAILURES, POLL_INTERVAL, QUIET_FOR, PollFailures, wait_for_answer
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock

LATER = FakeClock().now() + 600
WATCHED = AskedQuestion("chat-1")
"""A question as a trigger knows it: by chat and place, without its words."""


def test_a_watched_question_is_answered_by_reads_alone(connect: Connect) -> None:
    with Sandbox(answer_polls=3, hold_requests=False) as dot:
        client = connect(dot.base_url)
        _post(dot)

        answer = client.run(wait_for_answer(WATCHED, deadline=LATER))

        assert answer.question == "How many orders?"
        assert {r.method for r in dot.requests[1:]} == {"GET"}
        assert len(dot.requests) == 5


def test_the_first_look_is_taken_at_once(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    clock = FakeClock()
    client = connect(dot.base_url, clock=clock)

    client.run(wait_for_answer(WATCHED, deadline=LATER))

    assert clock.waits == []


def test_an_answer_that_came_while_nobody_looked_is_found_behind_the_deadline(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    client = connect(dot.base_url)

    assert client.run(wait_for_answer(WATCHED, deadline=0)).text


def test_behind_the_deadline_a_question_at_work_is_late(connect: Connect) -> None:
    with Sandbox(answer_polls=100, hold_requests=False) as dot:
        _post(dot)
        client = connect(dot.base_url)

        with pytest.raises(DotTimeoutError, match="it may still do so in"):
            client.run(wait_for_answer(WATCHED, deadline=0))


def test_a_chat_that_is_not_there_yet_is_waited_for(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    dot.fail_next("/c2", status=404, times=3)
    client = connect(dot.base_url)

    assert client.run(wait_for_answer(WATCHED, deadline=LATER)).text


def test_an_outage_of_minutes_is_waited_out(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    dot.fail_next("/c2", status=500, times=int(FAILING_FOR / POLL_INTERVAL) - 1)
    client = connect(dot.base_url)

    assert client.run(wait_for_answer(WATCHED, deadline=LATER)).text


def test_an_outage_without_end_ends_as_what_it_is(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/c2", status=500, times=1000)
    clock = FakeClock()
    client = connect(dot.base_url, clock=clock)

    with pytest.raises(DotServerError):
        client.run(wait_for_answer(WATCHED, deadline=LATER))

    assert FAILING_FOR <= sum(clock.waits) < FAILING_FOR + 2 * POLL_INTERVAL


def test_a_few_slow_looks_that_fail_do_not_end_the_wait() -> None:
    failed, error = PollFailures(), DotServerError("down", status=500)
    for number in range(POLL_FAILURES - 1):
        failed.add(error, number * FAILING_FOR)

    with pytest.raises(DotServerError):
        failed.add(error, POLL_FAILURES * FAILING_FOR)


def test_looks_begin_at_once_and_slow_down(connect: Connect) -> None:
    clock = FakeClock()
    with Sandbox(answer_polls=10_000, hold_requests=False) as dot:
        client = connect(dot.base_url, clock=clock)
        with pytest.raises(DotTimeoutError):
            client.ask("How many orders?", "chat-1", look_for=0)

    assert clock.waits[0] == 1
    assert max(clock.waits) == POLL_INTERVAL
    assert len(clock.waits) < ANSWER_TIMEOUT / 5


def test_a_refusal_ends_the_wait_at_once(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url, token="wrong")

    with pytest.raises(DotAuthError):
        client.run(wait_for_answer(WATCHED, deadline=LATER))

    assert len(dot.requests) == 1


def test_a_failure_says_what_dot_said_and_where(connect: Connect, dot: Sandbox) -> None:
    _post(dot, "Revenue [fail]")
    client = connect(dot.base_url)

    with pytest.raises(DotAnswerFailedError, match="The sandbox was asked to fail this question") as caught:
        client.run(wait_for_answer(WATCHED, deadline=LATER))

    assert caught.value.chat_url == f"{dot.base_url}/?c=chat-1"


TEXT_ONLY = {"role": "assistant", "content": "There were 42 orders."}


def _text_only(dot: Sandbox) -> None:
    _post(dot)
    (turn,) = dot.conversations["chat-1"].turns
    turn.reply = TEXT_ONLY


def test_the_last_text_of_a_chat_that_has_long_been_quiet_is_the_answer(connect: Connect, dot: Sandbox) -> None:
    _text_only(dot)
    clock = FakeClock()
    client = connect(dot.base_url, clock=clock)

    answer = client.run(wait_for_answer(WATCHED, deadline=LATER))

    assert answer.text == TEXT_ONLY["content"]
    assert QUIET_FOR <= sum(clock.waits) < QUIET_FOR + 2 * POLL_INTERVAL


@pytest.mark.parametrize("sign", [{"status": "completed"}, {"suggested_follow_ups": ["And last week?"]}])
def test_a_text_with_a_sign_that_it_is_the_last_word_counts_at_once(connect: Connect, dot: Sandbox, sign: Any) -> None:
    _text_only(dot)
    dot.conversations["chat-1"].turns[0].reply = {**TEXT_ONLY, **sign}
    clock = FakeClock()
    client = connect(dot.base_url, clock=clock)

    assert client.run(wait_for_answer(WATCHED, deadline=LATER)).text == TEXT_ONLY["content"]
    assert clock.waits == []


def test_a_step_that_lasts_for_minutes_is_not_taken_for_the_answer(connect: Connect, dot: Sandbox) -> None:
    """A query can run for a while, and nothing changes in the chat meanwhile."""
    _post(dot)
    step = {"messages": [{"role": "user", "content": "How many orders?"}, {**TEXT_ONLY, "content": "Running SQL."}]}
    dot.fail_next("/c2", body=step, times=int(QUIET_FOR / POLL_INTERVAL) - 1)
    client = connect(dot.base_url)

    assert client.run(wait_for_answer(WATCHED, deadline=LATER)).text != "Running SQL."


def test_each_step_begins_the_quiet_time_anew(connect: Connect, dot: Sandbox) -> None:
    _post(dot)
    steps = [{"role": "user", "content": "How many orders?"}]
    for number in range(5):
        steps = [*steps, {"role": "assistant", "content": f"Step {number}"}]
        dot.fail_next("/c2", body={"messages": steps}, times=20)
    client = connect(dot.base_url)

    assert not client.run(wait_for_answer(WATCHED, deadline=LATER)).text.startswith("Step")


def test_dots_word_success_is_no_answer_however_quiet_the_chat(connect: Connect) -> None:
    """The sandbox shows its steps, of which the last one says "success", for as long as it works."""
    with Sandbox(answer_polls=10_000, hold_requests=False) as dot:
        _post(dot)
        client = connect(dot.base_url)

        with pytest.raises(DotTimeoutError):
            client.run(wait_for_answer(WATCHED, deadline=LATER * 2, poll_interval=LATER / 4))


def test_with_a_short_timeout_half_of_it_is_quiet_enough(connect: Connect, dot: Sandbox) -> None:
    _text_only(dot)
    clock = FakeClock()

    answer = connect(dot.base_url, clock=clock).ask("How many orders?", "chat-1", timeout=60)

    assert answer.text == TEXT_ONLY["content"]
    assert 30 <= sum(clock.waits) <= 35


def test_a_restart_behind_the_deadline_takes_no_step_for_the_answer(connect: Connect, dot: Sandbox) -> None:
    _text_only(dot)
    client = connect(dot.base_url)

    with pytest.raises(DotTimeoutError):
        client.run(wait_for_answer(WATCHED, deadline=0, quiet_for=0))


def _post(dot: Sandbox, question: str = "How many orders?") -> None:
    import requests

    body = {"messages": [{"role": "user", "content": question}], "chat_id": "chat-1"}
    requests.post(f"{dot.base_url}/api/agentic", json=body, headers={"X-API-KEY": dot.token}, timeout=10)
