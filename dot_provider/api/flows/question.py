"""A question and its place in a chat: all the state that an asking flow has."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dot_provider.api.calls.conversations import Mode
from dot_provider.api.errors import DotConflictError
from dot_provider.api.models.conversation import Conversation


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
class Submitted:
    """A question that Dot has, and the conversation as last seen, if it was.

    ``asked_at`` is when it was posted, in seconds since the epoch; None where somebody else did so, or an earlier try.
    """

    question: Question
    seen: Conversation | None = None
    asked_at: float | None = None
