"""A question and its follow-ups, one after the other in one chat."""

from __future__ import annotations

from collections.abc import Sequence

from dot_provider.api.call import Flow
from dot_provider.api.calls.arguments import Seconds
from dot_provider.api.calls.conversations import Mode
from dot_provider.api.flows.ask import ANSWER_TIMEOUT, submit, submit_follow_up
from dot_provider.api.flows.polling import wait_limits
from dot_provider.api.flows.waiting import POLL_INTERVAL, wait_for_answer
from dot_provider.api.models.answer import Answer
from dot_provider.api.server import Server


def ask_series(
    server: Server,
    question: str,
    follow_ups: Sequence[str],
    chat_id: str,
    mode: Mode | None = None,
    *,
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
) -> Flow[list[Answer]]:
    """Ask ``question`` and then each follow-up, waiting for each answer; return the answers in order.

    Each question attaches to where it was asked before. Its place in the chat follows from that of the one before it,
    so that a series that was cut off goes on where it stopped, also where questions in it failed and were asked again.

    Args:
        server, question, chat_id, mode, poll_interval: as for ``dot_provider.api.flows.ask.ask``.
        follow_ups: further questions.
        timeout: seconds until the wait for all answers ends.

    Raises:
        DotError: as for ``ask``.
    """
    deadline, poll_interval = yield from wait_limits(timeout, poll_interval)
    asked = yield from submit(server, question, chat_id, mode)
    answers = [(yield from wait_for_answer(server, asked, deadline=deadline, poll_interval=poll_interval))]
    for text in follow_ups:
        here = asked.question
        asked = yield from submit_follow_up(server, text, here.chat_id, mode, position=here.position + 1)
        answers.append((yield from wait_for_answer(server, asked, deadline=deadline, poll_interval=poll_interval)))
    return answers
