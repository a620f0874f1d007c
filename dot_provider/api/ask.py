"""Asking Dot: post once whatever happens, wait for the answer, attach to what is already there.

Asking costs credits and is not idempotent, but the caller chooses the chat id (``POST /agentic``), and a conversation
can be read back by it (``GET /c2/{chat_id}``). So before anything is posted the chat is read, and after a post whose
fate is unknown it is read again. Dot shows a chat some seconds after the post only: where an earlier try may have
posted, it is looked for over ``LOOK_FOR`` seconds. Two windows remain that no client can close: two processes that read
"absent" in the same moment both post, and so does a try whose predecessor's chat stays hidden for longer.

A question and its follow-ups are one series, which can stop after each answer and go on in another process.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dot_provider.api._core.call import Flow, chat_url, progress
from dot_provider.api._core.call import now as time_now
from dot_provider.api.answer import Answer
from dot_provider.api.arguments import Seconds, checked_id, checked_text
from dot_provider.api.conversations import Conversation, Mode, QuestionState, checked_mode
from dot_provider.api.errors import DotAnswerFailedError, DotNotFoundError
from dot_provider.api.post_once import LOOK_FOR, AskedQuestion, Question, post_once, read_chat, read_chat_until
from dot_provider.api.wait import (
    POLL_INTERVAL,
    answer_or_none,
    quiet_time,
    report_answer,
    wait_for_answer,
    wait_limits,
)

_NAMESPACE = uuid.UUID("5b0c9d0e-6f0d-5f55-9a51-2d1a5d1f4d07")


def chat_id_for(*identity: object) -> str:
    """Return the chat id for a piece of orchestrated work: a uuid5 of what identifies it, the same on every machine.

    Args:
        identity: in Airflow the DAG, run, task, map index and ``max_tries``; in Dagster root run, step and partition.
    """
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(str(part) for part in identity)))


def generation(chat_id: str, number: int) -> str:
    """Return the id under which a question is asked after ``number`` of its predecessors failed; 0 is the id itself."""
    return chat_id if number == 0 else chat_id_for(chat_id, number)


ANSWER_TIMEOUT = 1800.0
"""Seconds that an answer may take unless the caller says otherwise."""

MAX_GENERATIONS = 50
"""How many failed predecessors of a question are looked through."""


def ask(
    question: str,
    chat_id: str | None = None,
    mode: Mode | None = None,
    *,
    look_for: float = LOOK_FOR,
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
) -> Flow[Answer]:
    """Ask a question and wait for the answer.

    Args:
        question: what to ask.
        chat_id: names the work: asked again with the same id, it attaches to the first asking instead of paying twice.
            Without it, each call asks anew.
        mode: economy, balanced or frontier; Dot's default when None.
        look_for: seconds over which the chat is looked for before a question with a ``chat_id`` is posted, because a
            run that was killed may have posted it just now. 0, to look once, suits an id that nobody has used.
        timeout: seconds to wait for the answer, or a ``timedelta``.
        poll_interval: the most seconds between two looks at the chat, or a ``timedelta``; the first come each second.

    Raises:
        DotAnswerFailedError: Dot could not answer; asked again with the same id, the next generation is posted.
        DotNeedsConfirmationError: Dot asks whether to spend more credits.
        DotTimeoutError: no answer in time, or an unconfirmed post never appeared.
        DotConflictError: the chat holds another question.
        DotError: any other failure of a call.
    """
    deadline, interval = yield from wait_limits(timeout, poll_interval)
    if chat_id is None:
        asked = yield from submit(question, str(uuid.uuid4()), mode, look_for=None)  # nobody has asked by this id
    else:
        asked = yield from submit(question, chat_id, mode, look_for=look_for)
    quiet_for = quiet_time(timeout)
    return (yield from wait_for_answer(asked, deadline=deadline, poll_interval=interval, quiet_for=quiet_for))


def submit(
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    look_for: float | None = 0,
    submit_timeout: float | None = None,
) -> Flow[AskedQuestion]:
    """Make sure that the question is asked, and return where: in the chat of its first generation that did not fail.

    Args:
        question, chat_id, mode: as for ``ask``.
        look_for: as for ``ask``; None does not look, for an id that was made up just now.
        submit_timeout: seconds that the post may hold its connection open before the chat is read instead.
    """
    checked_text("question", question)
    checked_mode(mode)
    checked_id("chat_id", chat_id)
    for number in range(MAX_GENERATIONS):
        here = Question(question, generation(chat_id, number), 0, mode)
        found = None if look_for is None and number == 0 else (yield from read_chat_until(here.chat_id, look_for or 0))
        if found is None or not found.questions:
            return (yield from post_once(here, submit_timeout))
        here.check_begins(found)
        if found.state_of(0) is not QuestionState.FAILED:
            return (yield from _attach(here, found))
    raise DotAnswerFailedError(
        f"This question failed {MAX_GENERATIONS} times under chat id {chat_id}: choose another chat_id.",
        chat_url=(yield from chat_url(chat_id)),
    )


def follow_up(
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
        question, chat_id, mode, timeout, poll_interval: as for ``ask``.
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
    asked = yield from submit_follow_up(question, chat_id, mode, position=position, look_for=look_for)
    quiet_for = quiet_time(timeout)
    return (yield from wait_for_answer(asked, deadline=deadline, poll_interval=interval, quiet_for=quiet_for))


def submit_follow_up(
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    position: int | None = None,
    look_for: float = 0,
    submit_timeout: float | None = None,
) -> Flow[AskedQuestion]:
    """Make sure that the follow-up is asked, and return where. One that failed is asked again behind the others."""
    checked_text("question", question)
    checked_mode(mode)
    here = Question(question, checked_id("chat_id", chat_id), position or 0, mode)
    found = yield from read_chat_until(chat_id, look_for, lambda seen: position is None or _not_failed(here, seen))
    if found is None:  # asked just now, it can be hidden
        found = yield from read_chat_until(chat_id, LOOK_FOR)
    if found is None:
        raise DotNotFoundError(f"Chat not found: {(yield from chat_url(chat_id))}", status=404)
    count = len(found.questions)
    there = _not_failed(here if position is not None else here.at(max(count - 1, 0)), found)
    if there is not None:
        return (yield from _attach(there, found))
    return (yield from post_once(here.at(max(count, 1)), submit_timeout))


def _not_failed(here: Question, seen: Conversation) -> Question | None:
    """Return where ``here`` stands in a chat, behind those times when Dot failed to answer it; None if nowhere."""
    while (there := here.found_in(seen)) is not None:
        if seen.state_of(there.position) is not QuestionState.FAILED:
            return there
        here = there.at(there.position + 1)
    return None


def _attach(here: Question, found: Conversation) -> Flow[AskedQuestion]:
    yield from progress(f"Attached to the question already asked in {(yield from chat_url(here.chat_id))}")
    return AskedQuestion(here.chat_id, here.position, found)


@dataclass(frozen=True)
class Series:
    """What is to be asked, and how.

    Attributes:
        question: the first question.
        follow_ups: further questions for the same chat.
        mode: economy, balanced or frontier; Dot's default when None.
        timeout: seconds that each answer may take.
        poll_interval: the most seconds between two looks at the chat.
        submit_timeout: seconds that a post may hold its connection open before the chat is read instead.
        look_for: seconds over which a question is looked for that an earlier try may have posted just now.
        max_credits: no further question is asked once the answers have cost more, as far as Dot tells; None: no limit.
    """

    question: str
    follow_ups: Sequence[str] = ()
    mode: Mode | None = None
    timeout: float = ANSWER_TIMEOUT
    poll_interval: float = POLL_INTERVAL
    submit_timeout: float | None = None
    look_for: float = 0
    max_credits: float | None = None

    def is_finished(self, step: SeriesStep) -> bool:
        """Tell whether all is answered that is to be asked."""
        is_last = len(step.answers) > len(self.follow_ups) or self.is_spent(step.answers)
        return is_last and len(step.answers) == len(step.positions)

    def is_spent(self, answers: Sequence[Answer]) -> bool:
        """Tell whether the answers have cost more than they may."""
        return self.max_credits is not None and sum(answer.credits or 0 for answer in answers) > self.max_credits

    def not_asked(self, answers: Sequence[Answer]) -> list[str]:
        """Return the follow-ups that were left out for their costs."""
        return list(self.follow_ups[len(answers) - 1 :])


@dataclass(frozen=True)
class SeriesStep:
    """How far a series has come.

    Attributes:
        asked: what was asked last.
        positions: places of all questions so far among the chat's user messages, that of ``asked`` last.
        answers: those so far.
        deadline: until when the answer to ``asked`` is waited for, in seconds since the epoch.
    """

    asked: AskedQuestion
    positions: tuple[int, ...]
    answers: tuple[Answer, ...] = ()
    deadline: float = 0

    def then(self, asked: AskedQuestion, deadline: float) -> SeriesStep:
        """Return the step in which the next question is asked."""
        return SeriesStep(asked, (*self.positions, asked.position), self.answers, deadline)


def ask_series(series: Series, chat_id: str) -> Flow[list[Answer]]:
    """Ask the question and then each follow-up, waiting for each answer; return the answers in order.

    Each question attaches to where it was asked before. Its place in the chat follows from that of the one before it,
    so that a series that was cut off goes on where it stopped, also where questions in it failed and were asked again.

    Raises:
        DotError: as for ``ask``.
    """
    step = yield from begin_series(series, chat_id)
    step = yield from continue_series(series, step)
    return list(step.answers)


def begin_series(series: Series, chat_id: str) -> Flow[SeriesStep]:
    """Make sure that the first question is asked."""
    deadline = (yield from time_now()) + series.timeout
    asked = yield from submit(
        series.question, chat_id, series.mode, look_for=series.look_for, submit_timeout=series.submit_timeout
    )
    return SeriesStep(asked, (asked.position,), deadline=deadline)


def continue_series(
    series: Series, step: SeriesStep, *, wait: bool = True, on_answer: Callable[[Answer], None] | None = None
) -> Flow[SeriesStep]:
    """Wait for what was asked last, then ask what is left, one after another; return the last step.

    Args:
        series: what is to be asked.
        step: how far it has come.
        wait: False stops where an answer is not there yet; ``series.is_finished`` tells.
        on_answer: called with each answer as soon as it is there.
    """
    while True:
        if len(step.answers) < len(step.positions):
            answer = yield from (_wait(series, step) if wait else _look(step.asked))
            if answer is None:
                return step
            if on_answer is not None:
                on_answer(answer)
            if series.max_credits is not None and answer.credits is None:
                yield from progress("Dot does not say what this answer cost: max_credits cannot count it")
            step = replace(step, answers=(*step.answers, answer))
        if series.is_finished(step):
            return step
        deadline = (yield from time_now()) + series.timeout
        # What this try has posted itself, no earlier one can have followed up.
        attached = step.asked.asked_at is None
        asked = yield from submit_follow_up(
            series.follow_ups[len(step.answers) - 1],
            step.asked.chat_id,
            series.mode,
            position=step.asked.position + 1,
            look_for=series.look_for if attached else 0,
            submit_timeout=series.submit_timeout,
        )
        step = step.then(asked, deadline)


AGREEMENT = "Yes, keep going"
"""What is written into a chat in which Dot asks whether to spend more credits."""


def agree_to_credits(chat_id: str) -> Flow[None]:
    """Tell Dot to go on, unless somebody has done so in the chat meanwhile.

    Raises:
        DotNotFoundError: there is no such chat.
        DotError: as for ``ask``.
    """
    seen = yield from read_chat(chat_id)
    count = len(seen.questions) if seen is not None else 0
    if seen is None or seen.state_of(count - 1) is QuestionState.NEEDS_CONFIRMATION:
        yield from submit_follow_up(AGREEMENT, chat_id, position=count)


def resume_series(chat_id: str, positions: Sequence[int], *, quiet: bool) -> Flow[SeriesStep | None]:
    """Return the step of a series whose last answer was waited for elsewhere; None where the answer is not there.

    Args:
        chat_id: the chat.
        positions: as ``SeriesStep.positions``.
        quiet: whether the chat was seen to be quiet, so that its last message counts as the answer.

    Raises:
        DotError: Dot could not answer, or the chat cannot be read.
    """
    seen = yield from read_chat(chat_id)
    if seen is None:
        return None
    url = yield from chat_url(chat_id)
    complete = replace(seen, complete=True)  # the earlier answers counted before
    *earlier, last = positions
    found = [answer_or_none(complete, position, url) for position in earlier]
    found.append(answer_or_none(complete if quiet else seen, last, url))
    answers = tuple(answer for answer in found if answer is not None)
    if len(answers) < len(positions):
        return None
    yield from report_answer(answers[-1])
    return SeriesStep(AskedQuestion(chat_id, last, seen), tuple(positions), answers)


def _wait(series: Series, step: SeriesStep) -> Flow[Answer | None]:
    return (
        yield from wait_for_answer(
            step.asked,
            deadline=step.deadline,
            poll_interval=series.poll_interval,
            quiet_for=quiet_time(series.timeout),
        )
    )


def _look(asked: AskedQuestion) -> Flow[Answer | None]:
    """Return the answer where it is there at once."""
    seen = asked.seen or (yield from read_chat(asked.chat_id))
    answer = answer_or_none(seen, asked.position, (yield from chat_url(asked.chat_id))) if seen is not None else None
    if answer is not None:
        yield from report_answer(answer, asked.asked_at)
    return answer
