"""A question and its place in a chat."""

from __future__ import annotations

import pytest

from dot_provider.api import Conversation, DotConflictError
from dot_provider.api.flows.question import Question


def chat(*questions: str) -> Conversation:
    return Conversation("chat-1", tuple({"role": "user", "content": q} for q in questions))


def test_the_first_place_at_or_behind_the_expected_one_counts() -> None:
    assert Question("b", "chat-1", 1).found_in(chat("b", "a", "b", "b")) == Question("b", "chat-1", 2)


@pytest.mark.parametrize("seen", [None, chat(), chat("b"), chat("a", "c")])
def test_a_question_that_is_not_there_is_not_found(seen: Conversation | None) -> None:
    assert Question("b", "chat-1", 1).found_in(seen) is None


def test_white_space_does_not_make_another_question() -> None:
    Question(" How  many\norders? ", "chat-1").check_begins(chat("How many orders?"))


def test_another_question_is_named() -> None:
    with pytest.raises(DotConflictError, match="'How many customers"):
        Question("How many orders?", "chat-1").check_begins(chat("How many customers?"))
