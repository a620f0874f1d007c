"""Posting a question exactly once: what is done when it is not known whether Dot took it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import attrgetter
from textwrap import shorten

from dot_provider.api._core.call import Flow, chat_url, pause, progress, send
from dot_provider.api._core.call import now as time_now
from dot_provider.api.conversations import Conversation, Mode, conversation, post_follow_up, post_question
from dot_provider.api.errors import (
    DotConflictError,
    DotError,
    DotNotFoundError,
    DotProtocolError,
    DotRateLimitedError,
    DotRefusedError,
    DotServerError,
    DotTimeoutError,
    DotTransientError,
    DotUnreachableError,
)


@dataclass(frozen=True)
class Question:
    """A question, and its ``position`` (from 0) among the user's messages of the chat."""

    text: str
    chat_id: str
    position: int = 0
    mode: Mode | None = None

    def at(self, position: int) -> Question:
        """Return the same question at another place."""
        return replace(self, position=position)

    def found_in(self, seen: Conversation | None) -> Question | None:
        """Return this question with its place in a chat, the expected or a later one; None where it is not there.

        A later one, because a person or another process may have written into the chat in the meantime.
        """
        questions = seen.questions if seen is not None else []
        wanted = self.text.split()
        for position in range(self.position, len(questions)):
            if questions[position].split() == wanted:
                return self.at(position)
        return None

    def check_begins(self, found: Conversation) -> None:
        """Make sure that the chat begins with this question.

        Raises:
            DotConflictError: it begins with another one, whose answer would be mistaken for this one's.
        """
        there = found.questions[0]
        if there.split() != self.text.split():
            raise DotConflictError(
                f"Chat {self.chat_id} already holds another question ({there[:80]!r}): choose another chat_id, "
                "or leave it out.",
                status=409,
            )


@dataclass(frozen=True)
class AskedQuestion:
    """A question that Dot has: where it stands, and the conversation as last seen, if it was.

    ``asked_at`` is when it was posted, in seconds since the epoch; None where somebody else did so, or an earlier try.
    """

    chat_id: str
    position: int = 0
    seen: Conversation | None = None
    asked_at: float | None = None


APPEAR_WITHIN = 120.0
"""Seconds after an unconfirmed post in which the chat must appear; then the flow ends, retryable."""

ABSENT_FOR = 30.0
"""Seconds after a 503 in which the chat must be seen to be absent before the question is posted again."""

LOOK_FOR = 10.0
"""Seconds over which a question is looked for that an earlier try may have posted just now: 404 is normal then."""

MAX_POSTS = 3
"""Posts of one question, where Dot said 503 and the chat shows that it took none of them."""


def post_once(here: Question, submit_timeout: float | None = None) -> Flow[AskedQuestion]:
    """Post ``here`` and return where it stands. The caller has looked, and it was not there.

    After a timeout, a broken connection or a proxy's 502 or 504, Dot may be at work: the chat is read until it appears,
    and the question is not posted again. A post that Dot kept waiting counts as taken, also where the chat does not
    appear before it is answered. A 503 mostly says that nobody took it, but some proxies send it for a lost
    connection too: it is posted again only once the chat has stayed absent for ``ABSENT_FOR`` seconds.

    Raises:
        DotTransientError: the post did not reach Dot, or its chat did not appear within ``APPEAR_WITHIN`` seconds.
        DotRefusedError: Dot refused it.
    """
    url = yield from chat_url(here.chat_id)
    yield from progress(f"Asking in {url}: {shorten(here.text, 300, placeholder=' ...')}")
    asked_at = yield from time_now()
    left = MAX_POSTS
    while True:
        left -= 1
        try:
            posted = yield from _post_either(here, submit_timeout)
        except (DotTransientError, DotProtocolError, DotRefusedError) as error:
            if (
                isinstance(error, DotRateLimitedError)
                or (isinstance(error, DotUnreachableError) and not error.sent)
                or (isinstance(error, DotRefusedError) and error.status >= 400)
            ):
                raise  # certainly not taken
            yield from progress(
                f"{error} It is not known whether Dot took the question: reading the chat.", event=False
            )
            if _kept_waiting(error) and here.position == 0:  # a follow-up may not be where it is expected
                return AskedQuestion(here.chat_id, here.position, asked_at=asked_at)
            again = isinstance(error, DotServerError) and error.status == 503 and left > 0
            asked_to_wait = error.retry_after if isinstance(error, DotTransientError) else None
            absent_for = min(max(asked_to_wait or 0.0, ABSENT_FOR), APPEAR_WITHIN)
            there = yield from _appearing(here, absent_for if again else APPEAR_WITHIN)
            if there is None and _kept_waiting(error):
                return AskedQuestion(here.chat_id, here.position, asked_at=asked_at)
            if there is None and not again:
                raise _unconfirmed(here, url, error) from None
        else:
            # A response that does not show the question says nothing about it: the chat will.
            there = _asked(here, posted) or AskedQuestion(here.chat_id, here.position)
        if there is not None:
            return replace(there, asked_at=asked_at)


def read_chat(chat_id: str) -> Flow[Conversation | None]:
    """Read a chat; None while there is none, which is normal in the first seconds."""
    try:
        return (yield from send(conversation(chat_id)))
    except DotNotFoundError:
        return None


def read_chat_until(
    chat_id: str, seconds: float, enough: Callable[[Conversation], object] = attrgetter("questions")
) -> Flow[Conversation | None]:
    """Read a chat for ``seconds`` or until it shows ``enough``; return it, None for no chat."""
    end, wait = (yield from time_now()) + seconds, 1.0
    while True:
        seen = yield from read_chat(chat_id)
        moment = yield from time_now()
        if moment >= end or (seen is not None and enough(seen)):
            return seen
        yield from pause(min(wait, end - moment))
        wait += 1


def _post_either(here: Question, submit_timeout: float | None) -> Flow[Conversation | None]:
    """Post by today's endpoint, or by the older one where a Dot does not know it."""
    post = post_question if here.position == 0 else post_follow_up
    try:
        return (yield from send(post(here.text, here.chat_id, here.mode, timeout=submit_timeout)))
    except DotRefusedError as error:
        # FastAPI answers "Not Found" for a path it does not have; a missing chat has words of its own.
        unknown = error.status == 404 and error.detail.strip().lower() in ("", "not found")
        if not unknown and error.status != 405:
            raise
    return (yield from send(post(here.text, here.chat_id, here.mode, older=True, timeout=submit_timeout)))


def _kept_waiting(error: DotError) -> bool:
    return isinstance(error, DotTimeoutError) or (isinstance(error, DotServerError) and error.status == 504)


def _appearing(here: Question, within: float) -> Flow[AskedQuestion | None]:
    """Read the chat until it holds ``here``, for ``within`` seconds; None where it never does."""
    began, wait = (yield from time_now()), 1.0
    while True:
        try:
            there = _asked(here, (yield from read_chat(here.chat_id)))
        except (DotTransientError, DotProtocolError) as error:
            if not error.retryable:  # such as a login page: whoever answers is not Dot
                raise
            there = None
            within = APPEAR_WITHIN  # an unreadable chat is not an absent one
        if there is not None:
            return there
        if (yield from time_now()) - began >= within:
            return None
        yield from pause(wait)
        wait = min(wait * 2, 10.0)


def _asked(here: Question, seen: Conversation | None) -> AskedQuestion | None:
    there = here.found_in(seen)
    return AskedQuestion(there.chat_id, there.position, seen) if there is not None else None


def _unconfirmed(here: Question, url: str, error: DotError) -> DotTimeoutError:
    unconfirmed = DotTimeoutError(
        f"It is not known whether Dot took the question: {error} Its chat did not appear. Running this again with "
        f"chat_id {here.chat_id!r} is safe: it looks there first."
    )
    unconfirmed.chat_url = url
    return unconfirmed
