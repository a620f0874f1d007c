"""A question and its place in a chat: all the state that an asking flow has."""

from __future__ import annotations

from dataclasses import dataclass

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

    def check_same_as(self, found: Conversation) -> None:
        """Make sure that the chat holds this question at its place.

        Raises:
            DotConflictError: it holds another one, whose answer would be mistaken for this one's.
        """
        there = found.questions[self.position]
        if there.strip() != self.text.strip():
            raise DotConflictError(
                f"Chat {self.chat_id} already holds another question ({there[:80]!r}): choose another chat_id, "
                "or leave it out.",
                status=409,
            )


@dataclass(frozen=True)
class Submitted:
    """A question that Dot has, and the conversation as last seen, if it was."""

    question: Question
    seen: Conversation | None = None
