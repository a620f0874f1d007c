"""A conversation, and how far the answer to its last question has come."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dot_provider.sandbox.results import Result

Message = dict[str, Any]


def iso(seconds: float) -> str:
    """Format seconds since 1970 as an ISO time in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


@dataclass(eq=False)
class Turn:
    """One question and its reply.

    Attributes:
        question: as it was asked.
        endpoint: the path it was posted to, for example ``/agentic``.
        asked_at: seconds since 1970.
        ready_at: when the reply may be shown, on the monotonic clock.
        seen_at: when ``/c2`` begins to show it, on the monotonic clock.
        polls_left: how many more reads of ``/c2`` show it as running.
        steps: the intermediate assistant messages.
        reply: the final assistant message; None while it is being computed.
        result: what the reply says; None where it is a failure or asks back.
    """

    question: str
    endpoint: str
    asked_at: float
    ready_at: float
    polls_left: int
    steps: list[Message]
    reply: Message | None = None
    result: Result | None = None
    replied_at: float = 0.0
    reads: int = 0
    seen_at: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether the reply can be seen."""
        return self.reply is not None and self.polls_left <= 0 and time.monotonic() >= self.ready_at

    @property
    def messages(self) -> list[Message]:
        """The question, and what has been said to it so far."""
        asked = {"role": "user", "content": self.question, "created_at": iso(self.asked_at)}
        if not self.finished or self.reply is None:
            return [asked, *self.steps[: self.reads]]
        return [asked, *self.steps, self.reply]

    @property
    def status(self) -> str:
        """``running``, ``answered``, ``failed`` or ``needs confirmation``."""
        if not self.finished or self.reply is None:
            return "running"
        if self.reply.get("status") == "failed":
            return "failed"
        waiting = self.reply.get("additional_data", {}).get("needs_confirmation")
        return "needs confirmation" if waiting else "answered"


@dataclass
class Conversation:
    """A conversation that was asked of this sandbox.

    Attributes:
        chat_id: chosen by the caller.
        author: email of the account that asked.
        posts: how often a first question was posted to this chat id; more than 1 means that the
            same work was paid for again.
        labels: in the order they were added.
        environment: the environment it was asked in; None means production.
        mode: the last ``mode`` that was asked for.
    """

    chat_id: str
    author: str
    created_at: float
    posts: int = 0
    labels: list[str] = field(default_factory=list)
    environment: str | None = None
    mode: str | None = None
    turns: list[Turn] = field(default_factory=list)
    unseen_reads: int = 0

    @property
    def duplicates(self) -> int:
        """How many of the posts were one too many."""
        return max(0, self.posts - 1)

    @property
    def messages(self) -> list[Message]:
        """What ``/c2`` would show now; looking does not count as a read."""
        return [message for turn in self.turns for message in turn.messages]

    @property
    def title(self) -> str:
        """The first question."""
        return self.turns[0].question[:80] if self.turns else ""

    @property
    def status(self) -> str:
        """The status of the last question."""
        return self.turns[-1].status

    @property
    def updated_at(self) -> float:
        """When something was last said, seconds since 1970."""
        last = self.turns[-1]
        return last.replied_at if last.finished else last.asked_at

    def read(self) -> list[Message] | None:
        """Read it as ``/c2`` does, which counts: None while it cannot be seen yet."""
        if self.unseen_reads > 0:
            self.unseen_reads -= 1
            return None
        shown = [turn for turn in self.turns if time.monotonic() >= turn.seen_at]
        if not shown:
            return None
        messages = [message for turn in shown for message in turn.messages]
        turn = shown[-1]
        turn.reads += 1
        turn.polls_left -= 1
        return messages
