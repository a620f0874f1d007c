"""Asking Dot: post once whatever happens, wait for the answer, attach to what is already there.

Asking costs credits and is not idempotent, but the caller chooses the chat id (``POST /agentic``), and a conversation
can be read back by it (``GET /c2/{chat_id}``). So before anything is posted the chat is read, and after a post whose
fate is unknown it is read again. Dot shows a chat some seconds after the post only: where an earlier try may have
posted, it is looked for over ``LOOK_FOR`` seconds. Two windows remain that no client can close: two processes that read
"absent" in the same moment both post, and so does a try whose predecessor's chat stays hidden for longer.
"""

from __future__ import annotations

from dot_provider.api.call import Flow, progress
from dot_provider.api.calls.arguments import Seconds, checked_text
from dot_provider.api.calls.conversations import Mode, checked_mode
from dot_provider.api.errors import DotAnswerFailedError, DotNotFoundError
from dot_provider.api.flows.chat_ids import generation
from dot_provider.api.flows.polling import wait_limits
from dot_provider.api.flows.posting import LOOK_FOR, look_over, post_once
from dot_provider.api.flows.question import Question, Submitted
from dot_provider.api.flows.waiting import POLL_INTERVAL, quiet_time, wait_for_answer
from dot_provider.api.models.answer import Answer
from dot_provider.api.models.conversation import Conversation, QuestionState
from dot_provider.api.paths import checked_id
from dot_provider.api.server import Server

ANSWER_TIMEOUT = 1800.0
"""Seconds that an answer may take unless the caller says otherwise."""

MAX_GENERATIONS = 50
"""How many failed predecessors of a question are looked through."""


def ask(
    server: Server,
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    look_for: float | None = LOOK_FOR,
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
) -> Flow[Answer]:
    """Ask the first question of a chat, or attach to it where it was asked before, and wait for the answer.

    Args:
        server: the server, for links.
        question: what to ask.
        chat_id: names the work; the same id asks once.
        mode: economy, balanced or frontier; Dot's default when None.
        look_for: seconds over which the chat is looked for before the question is posted, because an earlier try may
            have posted it just now. 0 looks once; None does not look, for an id that was made up just now.
        timeout: seconds until the wait ends, or a ``timedelta``.
        poll_interval: seconds between two looks, or a ``timedelta``.

    Raises:
        DotAnswerFailedError: Dot could not answer; asked again with the same id, the next generation is posted.
        DotNeedsConfirmationError: Dot asks whether to spend more credits.
        DotTimeoutError: no answer in time, or an unconfirmed post never appeared.
        DotConflictError: the chat holds another question.
        DotError: any other failure of a call.
    """
    deadline, interval = yield from wait_limits(timeout, poll_interval)
    asked = yield from submit(server, question, chat_id, mode, look_for=look_for)
    quiet_for = quiet_time(timeout)
    return (yield from wait_for_answer(server, asked, deadline=deadline, poll_interval=interval, quiet_for=quiet_for))


def submit(
    server: Server,
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    look_for: float | None = 0,
    submit_timeout: float | None = None,
) -> Flow[Submitted]:
    """Make sure that the question is asked, and return where: in the chat of its first generation that did not fail.

    Args:
        server, question, chat_id, mode, look_for: as for ``ask``.
        submit_timeout: seconds that the post may hold its connection open before the chat is read instead.
    """
    checked_text("question", question)
    checked_mode(mode)
    checked_id("chat_id", chat_id)
    for number in range(MAX_GENERATIONS):
        here = Question(question, generation(chat_id, number), 0, mode)
        found = None if look_for is None and number == 0 else (yield from look_over(here, look_for or 0))
        if found is None or not found.questions:
            return (yield from post_once(server, here, submit_timeout))
        here.check_begins(found)
        if found.state_of(0) is not QuestionState.FAILED:
            return (yield from _attach(server, here, found))
    raise DotAnswerFailedError(
        f"This question failed {MAX_GENERATIONS} times under chat id {chat_id}: choose another chat_id.",
        chat_url=server.chat_url(chat_id),
    )


def follow_up(
    server: Server,
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    position: int | None = None,
    look_for: float | None = None,
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
) -> Flow[Answer]:
    """Ask a further question in a chat, or attach to it where it is the chat's last one, and wait for the answer.

    Args:
        server, question, chat_id, mode, timeout, poll_interval: as for ``ask``.
        position: place (from 0) among the chat's user messages from which on the same words are taken for this
            question. Without it only the last message is looked at.
        look_for: seconds over which the question is looked for in the chat before it is posted, because an earlier try
            may have posted it just now; ``LOOK_FOR`` with a position, else one look.

    Raises:
        DotNotFoundError: there is no such chat.
        DotError: as for ``ask``.
    """
    deadline, interval = yield from wait_limits(timeout, poll_interval)
    if look_for is None:
        look_for = 0 if position is None else LOOK_FOR
    asked = yield from submit_follow_up(server, question, chat_id, mode, position=position, look_for=look_for)
    quiet_for = quiet_time(timeout)
    return (yield from wait_for_answer(server, asked, deadline=deadline, poll_interval=interval, quiet_for=quiet_for))


def submit_follow_up(
    server: Server,
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    position: int | None = None,
    look_for: float = 0,
    submit_timeout: float | None = None,
) -> Flow[Submitted]:
    """Make sure that the follow-up is asked, and return where. One that failed is asked again behind the others."""
    checked_text("question", question)
    checked_mode(mode)
    here = Question(question, checked_id("chat_id", chat_id), position or 0, mode)
    found = yield from look_over(here, look_for, lambda seen: position is None or _not_failed(here, seen))
    if found is None:  # asked just now, it can be hidden
        found = yield from look_over(here, LOOK_FOR)
    if found is None:
        raise DotNotFoundError(f"Chat not found: {server.chat_url(chat_id)}", status=404)
    count = len(found.questions)
    there = _not_failed(here if position is not None else here.at(max(count - 1, 0)), found)
    if there is not None:
        return (yield from _attach(server, there, found))
    return (yield from post_once(server, here.at(max(count, 1)), submit_timeout))


def _not_failed(here: Question, seen: Conversation) -> Question | None:
    """Return where ``here`` stands in a chat, behind those times when Dot failed to answer it; None if nowhere."""
    while (there := here.found_in(seen)) is not None:
        if seen.state_of(there.position) is not QuestionState.FAILED:
            return there
        here = there.at(there.position + 1)
    return None


def _attach(server: Server, here: Question, found: Conversation) -> Flow[Submitted]:
    yield from progress(f"Attached to the question already asked in {server.chat_url(here.chat_id)}")
    return Submitted(here, found)
