"""A question whose process is killed at any point is picked up by the next process: one run on Dot, one answer."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from dot_provider.sandbox import Sandbox
from tests.api.killed_ask import ask, ask_in_time

REQUESTS = 18
"""A question and a follow-up: five looks, post and three polls each."""

POINTS = [(number, side) for number in range(1, REQUESTS + 1) for side in ("before", "after")]


@pytest.fixture(scope="module")
def dot() -> Iterator[Sandbox]:
    with Sandbox(answer_polls=2, hold_requests=False) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("number", "side"), POINTS)
def test_a_killed_question_is_picked_up_by_the_next_process(dot: Sandbox, processes, number: int, side: str) -> None:
    chat_id = f"chat-{number}-{side}"

    killed = _run(processes, dot, chat_id, number, side)
    next_one = _run(processes, dot, chat_id, -1, "")

    conversation = dot.conversations[chat_id]
    assert killed == -signal.SIGKILL
    assert next_one == 0
    assert conversation.posts == 1
    assert [turn.question for turn in conversation.turns] == ["How many orders?", "And per week?"]


def test_there_are_as_many_points_as_requests(dot: Sandbox, processes) -> None:
    """Should the flow send more requests one day, the points above no longer cover it."""
    before = len(dot.requests)
    _run(processes, dot, "chat-counted", -1, "")

    assert len(dot.requests) - before == REQUESTS


@pytest.mark.slow
@pytest.mark.parametrize("post", [1, 2], ids=["question", "follow-up"])
def test_a_chat_that_dot_shows_with_a_delay_is_waited_for_by_the_next_process(processes, post: int) -> None:
    with Sandbox(unseen_seconds=0.3) as slow_to_show:
        exits = []
        for dies in (post, 0):
            process = processes.Process(target=ask_in_time, args=(slow_to_show.base_url, "chat", dies))
            process.start()
            process.join(60)
            exits.append(process.exitcode)

        chat = slow_to_show.conversations["chat"]
        assert exits == [-signal.SIGKILL, 0]
        assert chat.posts == 1
        assert [turn.question for turn in chat.turns] == ["How many orders?", "And per week?"]


def _run(processes, dot: Sandbox, chat_id: str, number: int, side: str) -> int:
    process = processes.Process(target=ask, args=(dot.base_url, chat_id, number, side))
    process.start()
    process.join(60)
    code: int = process.exitcode
    return code
