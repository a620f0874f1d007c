from __future__ import annotations

from dataclasses import replace

import pytest

from dot_provider.api import DotTimeoutError
from dot_provider.api.ask import Series, ask_series, begin_series, continue_series, resume_series
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock

SERIES = Series("How many orders?", ["And last week?", "Why?"])


def test_a_series_is_asked_in_order_in_one_chat(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    answers = client.run(ask_series(SERIES, "chat-1"))
    assert [answer.question for answer in answers] == ["How many orders?", "And last week?", "Why?"]
    assert {answer.chat_id for answer in answers} == {"chat-1"}


def test_a_series_run_again_attaches_to_each_question_and_pays_for_none(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    first = client.run(ask_series(SERIES, "chat-1"))
    again = client.run(ask_series(SERIES, "chat-1"))
    assert [answer.text for answer in again] == [answer.text for answer in first]
    assert len([r for r in dot.requests if r.method == "POST"]) == 3


def test_a_series_that_was_cut_off_goes_on_where_it_stopped(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    client.run(ask_series(replace(SERIES, follow_ups=["And last week?"]), "chat-1"))
    answers = client.run(ask_series(SERIES, "chat-1"))
    assert len(answers) == 3
    assert len([r for r in dot.requests if r.method == "POST"]) == 3


def test_a_series_that_does_not_wait_stops_and_goes_on_elsewhere(connect: Connect) -> None:
    with Sandbox(answer_polls=2, hold_requests=False) as dot:
        client = connect(dot.base_url)
        step = client.run(begin_series(SERIES, "chat-1"))
        stops = 0
        while not SERIES.is_finished(step):
            step = client.run(continue_series(SERIES, step, wait=False))
            if not SERIES.is_finished(step):
                stops += 1
                while (again := client.run(resume_series("chat-1", step.positions, quiet=False))) is None:
                    pass
                step = again
        assert stops == 3
        assert [answer.question for answer in step.answers] == ["How many orders?", "And last week?", "Why?"]


def test_the_timeout_is_that_of_each_answer(connect: Connect) -> None:
    """Three answers of 40 seconds each are in time with a timeout of 60."""
    clock = FakeClock()
    with Sandbox(answer_polls=28, hold_requests=False) as dot:
        client = connect(dot.base_url, clock=clock)
        series = replace(SERIES, timeout=60, poll_interval=5)
        assert len(client.run(ask_series(series, "chat-1"))) == 3
        assert sum(clock.waits) > 100
        with pytest.raises(DotTimeoutError):
            client.run(ask_series(replace(series, timeout=20), "chat-2"))


@pytest.mark.parametrize("look_for", [0, 10])
def test_a_follow_up_behind_an_answer_that_the_chat_does_not_show_yet_is_asked(
    connect: Connect, dot: Sandbox, look_for: int
) -> None:
    """The answer came with the post; the chat itself is still hidden."""
    dot.fail_next("/c2", status=404, times=4)
    client = connect(dot.base_url)
    answers = client.run(ask_series(replace(SERIES, look_for=look_for), "chat-1"))
    assert len(answers) == 3
    assert dot.conversations["chat-1"].posts == 1
