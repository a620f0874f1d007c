"""Waiting for an answer by reading the chat, and telling an answer from a failure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from dot_provider.api._core.call import Flow, chat_url, pause, progress
from dot_provider.api._core.call import now as time_now
from dot_provider.api.answer import Answer, read_answer
from dot_provider.api.arguments import Seconds, checked_seconds
from dot_provider.api.conversations import Conversation, QuestionState, has_result, says_something
from dot_provider.api.errors import (
    DotAnswerFailedError,
    DotNeedsConfirmationError,
    DotProtocolError,
    DotTimeoutError,
    DotTransientError,
)
from dot_provider.api.post_once import AskedQuestion, read_chat

POLL_FAILURES = 10
"""Failed looks in a row that a wait bears at the least."""

FAILING_FOR = 300.0
"""Seconds of nothing but failed looks that a wait bears at the least."""


def wait_limits(timeout: Seconds, poll_interval: Seconds) -> Flow[tuple[float, float]]:
    """Return a wait's deadline, in seconds since the epoch, and the seconds between two looks.

    Raises:
        DotUsageError: one of them is no time to wait.
    """
    seconds, interval = checked_seconds("timeout", timeout), checked_seconds("poll_interval", poll_interval)
    return (yield from time_now()) + seconds, interval


@dataclass
class PollFailures:
    """The looks that failed in a row: how many, and since when (seconds since the epoch)."""

    count: int = 0
    since: float = 0.0

    def add(self, error: DotTransientError | DotProtocolError, now: float) -> None:
        """Count a failed look.

        Raises:
            DotError: ``error``, where waiting does not mend it, or enough looks have failed for long enough.
        """
        self.since = now if self.count == 0 else self.since
        self.count += 1
        if not error.retryable or (self.count >= POLL_FAILURES and now - self.since >= FAILING_FOR):
            raise error

    def clear(self) -> None:
        """Forget them: a look succeeded."""
        self.count = 0


POLL_INTERVAL = 10.0
"""The most seconds between two looks at a chat; ``look_interval`` says how they slow down to it."""


def look_interval(age: float, most: float) -> float:
    """Return the seconds until a chat is looked at again: one at first, two after half a minute, three after a whole.

    An answer of seconds is seen at once, and one of half an hour costs fewer looks than one every 8 seconds would.

    Args:
        age: for how long it has been waited for, in seconds.
        most: the longest interval, the user's ``poll_interval``.
    """
    return min(most, 1 + age / 30)


QUIET_FOR = 300.0
"""Seconds without any change after which the last message of a chat counts as the answer, whatever its form.

Dot shows its steps as messages too, and one of them can last for as long as a query runs: better late than wrong.
"""

_LOOKS = 3
"""How many looks must have found a chat unchanged at the least, should somebody poll rarely."""


def quiet_time(timeout: Seconds) -> float:
    """Return how long a chat must be quiet where an answer may take ``timeout`` seconds: half of it, at the most."""
    return min(QUIET_FOR, checked_seconds("timeout", timeout) / 2)


@dataclass
class QuietChat:
    """Watches a chat for the time when nothing more will come.

    Attributes:
        seconds: for how long it must be unchanged.
        held: fingerprint of what it held at the last look.
        since: when it was first found so, in seconds since the epoch.
        looks: how often it was found so.
    """

    seconds: float = QUIET_FOR
    held: str = ""
    since: float = 0.0
    looks: int = 0

    def look(self, seen: Conversation, now: float) -> Conversation:
        """Return ``seen``, as complete where its last message is no user's, says something, and has stayed the last."""
        now_holds = hashlib.sha256(repr(seen.messages).encode(errors="replace")).hexdigest()
        if now_holds != self.held:
            self.held, self.since, self.looks = now_holds, now, 0
        self.looks += 1
        last = seen.messages[-1] if seen.messages else {}
        settled = self.looks >= _LOOKS and now - self.since >= self.seconds
        speaks = last.get("role") != "user" and says_something(last)
        return replace(seen, complete=True) if settled and speaks else seen


def wait_for_answer(
    asked: AskedQuestion,
    *,
    deadline: float,
    poll_interval: float = POLL_INTERVAL,
    quiet_for: float = QUIET_FOR,
) -> Flow[Answer]:
    """Look at a chat until its question is answered. Only reads, so it can run anywhere, any number of times.

    Args:
        asked: the question that was submitted.
        deadline: seconds since the epoch at which the wait ends, the same after every restart.
        poll_interval: the most seconds between two looks (``look_interval``).
        quiet_for: seconds without any change after which the chat's last message counts as the answer.

    Raises:
        DotAnswerFailedError: Dot could not answer.
        DotNeedsConfirmationError: Dot asks whether to spend more credits.
        DotTimeoutError: the deadline passed.
        DotError: a look failed in a way that waiting does not mend, or looks failed for too long (``PollFailures``).
    """
    seen, failed, quiet = asked.seen, PollFailures(), QuietChat(quiet_for)
    looked, url = seen is not None, (yield from chat_url(asked.chat_id))
    began = moment = yield from time_now()
    while True:
        seen = quiet.look(seen, moment) if seen is not None else None
        if seen is not None and (answer := answer_or_none(seen, asked.position, url)) is not None:
            yield from report_answer(answer, asked.asked_at)
            return answer
        if looked and moment >= deadline:
            raise late(url)
        # Whoever comes back after a restart looks at once, also behind the deadline: the answer may be there.
        yield from pause(min(look_interval(moment - began, poll_interval), deadline - moment) if looked else 0)
        looked = True
        try:
            seen = yield from read_chat(asked.chat_id)
            failed.clear()
        except (DotTransientError, DotProtocolError) as error:
            seen = None
            failed.add(error, (yield from time_now()))
            yield from progress(f"Could not look at the chat, {failed.count} times in a row: {error}", event=False)
        moment = yield from time_now()


def answer_or_none(seen: Conversation, position: int, url: str) -> Answer | None:
    """Return the answer to the question at ``position`` where there is one, None while Dot is at work.

    Where Dot asked whether to spend more credits and a person wrote on in the chat, what follows counts.

    Raises:
        DotAnswerFailedError: Dot could not answer.
        DotNeedsConfirmationError: Dot asks whether to spend more credits.
    """
    place = position
    while seen.state_of(place) is QuestionState.NEEDS_CONFIRMATION and place + 1 < len(seen.questions):
        place += 1
    state = seen.state_of(place)
    if state is QuestionState.ANSWERED:
        answer = read_answer(seen, place, url)
        return replace(answer, question=seen.questions[position]) if answer is not None else None
    if state is QuestionState.FAILED:
        said = seen.error_of(place)[:300] or "no reason given"
        raise DotAnswerFailedError(f"Dot could not answer: {said} (see {url})", chat_url=url)
    if state is QuestionState.NEEDS_CONFIRMATION:
        raise DotNeedsConfirmationError(
            f"Dot asks whether to spend more credits on this question: decide in {url}. A retry then takes the answer.",
            chat_url=url,
        )
    return None


def report_answer(answer: Answer, asked_at: float | None = None) -> Flow[None]:
    """Report that an answer has come, and how long it took where this try has posted its question."""
    if not has_result(answer.raw):
        yield from progress("Dot's answer has a text only; its last message is taken for it.")
    took = "" if asked_at is None else f" after {(yield from time_now()) - asked_at:.0f} s"
    tables, charts = len(answer.tables), len(answer.charts)
    yield from progress(
        f"Answered{took} with {tables} table{'s' * (tables != 1)} and {charts} chart{'s' * (charts != 1)}: {answer.url}"
    )


def late(url: str) -> DotTimeoutError:
    """Return the error for an answer that is not there in time."""
    error = DotTimeoutError(f"Dot has not answered in time; it may still do so in {url}. Raise timeout to wait longer.")
    error.chat_url = url
    return error
