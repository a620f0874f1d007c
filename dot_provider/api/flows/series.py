"""A question and its follow-ups, one after the other in one chat: one machine, which can stop and go on elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dot_provider.api.call import Flow
from dot_provider.api.call import now as time_now
from dot_provider.api.calls.conversations import Mode
from dot_provider.api.flows.ask import ANSWER_TIMEOUT, submit, submit_follow_up
from dot_provider.api.flows.posting import look
from dot_provider.api.flows.question import Question, Submitted
from dot_provider.api.flows.waiting import POLL_INTERVAL, outcome, quiet_time, wait_for_answer
from dot_provider.api.models.answer import Answer
from dot_provider.api.server import Server


@dataclass(frozen=True)
class Series:
    """What is to be asked, and how.

    Attributes:
        question: the first question.
        follow_ups: further questions for the same chat.
        mode: economy, balanced or frontier; Dot's default when None.
        timeout: seconds that each answer may take.
        poll_interval: seconds between two looks at the chat.
        submit_timeout: seconds that a post may hold its connection open before the chat is read instead.
        look_for: seconds over which a question is looked for that an earlier try may have posted just now.
    """

    question: str
    follow_ups: Sequence[str] = ()
    mode: Mode | None = None
    timeout: float = ANSWER_TIMEOUT
    poll_interval: float = POLL_INTERVAL
    submit_timeout: float | None = None
    look_for: float = 0

    def is_finished(self, step: Step) -> bool:
        """Tell whether all is answered."""
        return len(step.answers) > len(self.follow_ups)


@dataclass(frozen=True)
class Step:
    """How far a series has come.

    Attributes:
        asked: what was asked last.
        deadline: until when its answer is waited for, in seconds since the epoch.
        answers: those so far.
        places: where their questions stand among the chat's user messages.
    """

    asked: Submitted
    deadline: float
    answers: tuple[Answer, ...] = ()
    places: tuple[int, ...] = ()

    @property
    def positions(self) -> list[int]:
        """Places of all questions so far among the chat's user messages; the last one is waited for."""
        return [*self.places, self.asked.question.position]


def ask_series(server: Server, series: Series, chat_id: str) -> Flow[list[Answer]]:
    """Ask the question and then each follow-up, waiting for each answer; return the answers in order.

    Each question attaches to where it was asked before. Its place in the chat follows from that of the one before it,
    so that a series that was cut off goes on where it stopped, also where questions in it failed and were asked again.

    Raises:
        DotError: as for ``dot_provider.api.flows.ask.ask``.
    """
    step = yield from begin(server, series, chat_id)
    step = yield from go_on(server, series, step)
    return list(step.answers)


def begin(server: Server, series: Series, chat_id: str) -> Flow[Step]:
    """Make sure that the first question is asked."""
    deadline = (yield from time_now()) + series.timeout
    asked = yield from submit(
        server,
        series.question,
        chat_id,
        series.mode,
        look_for=series.look_for,
        submit_timeout=series.submit_timeout,
    )
    return Step(asked, deadline)


def resume(server: Server, chat_id: str, positions: Sequence[int], *, quiet: bool) -> Flow[Step | None]:
    """Return the step of a series whose last answer was waited for elsewhere; None where the answer is not there.

    Args:
        server: the server, for links.
        chat_id: the chat.
        positions: as ``Step.positions``.
        quiet: whether the chat was seen to be quiet, so that its last message counts as the answer.

    Raises:
        DotError: Dot could not answer, or the chat cannot be read.
    """
    seen = yield from look(Question("", chat_id))
    if seen is None:
        return None
    complete = replace(seen, complete=True)  # the earlier answers counted before
    *earlier, last = (Question("", chat_id, place) for place in positions)
    answers = [answer for question in earlier if (answer := outcome(server, question, complete)) is not None]
    asked = Submitted(last, complete if quiet else seen)
    if len(answers) < len(earlier) or (yield from _glimpse(server, asked)) is None:
        return None
    return Step(asked, 0, tuple(answers), tuple(positions[:-1]))


def go_on(
    server: Server, series: Series, step: Step, *, wait: bool = True, on_answer: Callable[[Answer], None] | None = None
) -> Flow[Step]:
    """Wait for what was asked last, then ask what is left, one after another; return the last step.

    Args:
        server: the server, for links.
        series: what is to be asked.
        step: how far it has come.
        wait: False stops where an answer is not there yet; ``series.is_finished`` tells.
        on_answer: told each answer as soon as it is there.
    """
    while True:
        here = step.asked.question
        if not wait and (yield from _glimpse(server, step.asked)) is None:
            return step
        answer = yield from wait_for_answer(
            server,
            step.asked,
            deadline=step.deadline,
            poll_interval=series.poll_interval,
            quiet_for=quiet_time(series.timeout),
        )
        if on_answer is not None:
            on_answer(answer)
        step = replace(step, answers=(*step.answers, answer), places=(*step.places, here.position))
        if series.is_finished(step):
            return step
        deadline = (yield from time_now()) + series.timeout
        # What this try has posted itself, no earlier one can have followed up.
        attached = step.asked.asked_at is None
        asked = yield from submit_follow_up(
            server,
            series.follow_ups[len(step.answers) - 1],
            here.chat_id,
            series.mode,
            position=here.position + 1,
            look_for=series.look_for if attached else 0,
            submit_timeout=series.submit_timeout,
        )
        step = replace(step, asked=asked, deadline=deadline)


def _glimpse(server: Server, asked: Submitted) -> Flow[Answer | None]:
    seen = asked.seen or (yield from look(asked.question))
    return outcome(server, asked.question, seen) if seen is not None else None
