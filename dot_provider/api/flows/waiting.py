"""Waiting for an answer by reading the chat, and telling an answer from a failure."""

from __future__ import annotations

from dataclasses import replace

from dot_provider.api.call import Flow, pause, progress
from dot_provider.api.call import now as time_now
from dot_provider.api.errors import (
    DotAnswerFailedError,
    DotNeedsConfirmationError,
    DotProtocolError,
    DotTimeoutError,
    DotTransientError,
)
from dot_provider.api.flows.polling import FailedLooks
from dot_provider.api.flows.posting import look
from dot_provider.api.flows.question import Question, Submitted
from dot_provider.api.models.answer import Answer, read_answer
from dot_provider.api.models.conversation import Conversation, QuestionState
from dot_provider.api.server import Server

POLL_INTERVAL = 5.0
"""Seconds between two looks at a chat."""


def wait_for_answer(
    server: Server, asked: Submitted, *, deadline: float, poll_interval: float = POLL_INTERVAL
) -> Flow[Answer]:
    """Look at a chat until its question is answered. Only reads, so it can run anywhere, any number of times.

    Args:
        server: the server, for links.
        asked: the question that was submitted.
        deadline: seconds since the epoch at which the wait ends, the same after every restart.
        poll_interval: seconds between two looks.

    Raises:
        DotAnswerFailedError: Dot could not answer.
        DotNeedsConfirmationError: Dot asks whether to spend more credits.
        DotTimeoutError: the deadline passed.
        DotError: a look failed in a way that waiting does not mend, or looks failed for too long (``FailedLooks``).
    """
    seen, failed = asked.seen, FailedLooks()
    looked = seen is not None
    while True:
        answer = outcome(server, asked.question, seen) if seen is not None else None
        moment = yield from time_now()
        if answer is not None:
            yield from progress(_answered(answer, moment, asked.asked_at))
            return answer
        if looked and moment >= deadline:
            raise _late(server, asked.question)
        # Whoever comes back after a restart looks at once, also behind the deadline: the answer may be there.
        yield from pause(min(poll_interval, deadline - moment) if looked else 0)
        looked = True
        try:
            seen = yield from look(asked.question)
            failed.clear()
        except (DotTransientError, DotProtocolError) as error:
            failed.add(error, (yield from time_now()))
            yield from progress(f"Could not look at the chat, {failed.count} times in a row: {error}", event=False)


def outcome(server: Server, question: Question, seen: Conversation) -> Answer | None:
    """Return the answer where there is one, None while Dot is at work.

    Where Dot asked whether to spend more credits and a person wrote on in the chat, what follows counts.

    Raises:
        DotAnswerFailedError: Dot could not answer.
        DotNeedsConfirmationError: Dot asks whether to spend more credits.
    """
    url, place = server.chat_url(question.chat_id), question.position
    while seen.state_of(place) is QuestionState.NEEDS_CONFIRMATION and place + 1 < len(seen.questions):
        place += 1
    state = seen.state_of(place)
    if state is QuestionState.ANSWERED:
        answer = read_answer(seen, place, url)
        return replace(answer, question=seen.questions[question.position]) if answer is not None else None
    if state is QuestionState.FAILED:
        said = seen.error_of(place)[:300] or "no reason given"
        raise DotAnswerFailedError(f"Dot could not answer: {said} (see {url})", chat_url=url)
    if state is QuestionState.NEEDS_CONFIRMATION:
        raise DotNeedsConfirmationError(
            f"Dot asks whether to spend more credits on this question: decide in {url}. A retry then takes the answer.",
            chat_url=url,
        )
    return None


def _answered(answer: Answer, moment: float, asked_at: float | None) -> str:
    took = "" if asked_at is None else f" after {moment - asked_at:.0f} s"  # nobody knows what an earlier try waited
    tables, charts = len(answer.tables), len(answer.charts)
    return (
        f"Answered{took} with {tables} table{'s' * (tables != 1)} and {charts} chart{'s' * (charts != 1)}: {answer.url}"
    )


def _late(server: Server, question: Question) -> DotTimeoutError:
    url = server.chat_url(question.chat_id)
    error = DotTimeoutError(f"Dot has not answered in time; it may still do so in {url}. Raise timeout to wait longer.")
    error.chat_url = url
    return error
