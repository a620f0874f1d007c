"""Asking costs credits, so it happens once: whatever is lost, whoever asks again, however often."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api import (
    DotAnswerFailedError,
    DotConflictError,
    DotNeedsConfirmationError,
    DotNotFoundError,
    DotServerError,
    DotTimeoutError,
    DotUsageError,
)
from dot_provider.api.ask import chat_id_for, generation
from dot_provider.api.conversations import post_question
from dot_provider.sandbox import RecordedRequest, Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock

LOST = {
    "timeout": {"lose": "hang"},
    "reset": {"lose": "reset"},
    "502": {"status": 502, "detail": "Bad gateway"},
}


def posts(dot: Sandbox) -> list[RecordedRequest]:
    return [r for r in dot.requests if r.method == "POST"]


@pytest.mark.slow
def test_100_questions_whose_responses_are_lost_are_asked_once_and_answered(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url, timeout=1)
    for number in range(100):
        dot.fail_next("/agentic", effect=True, **list(LOST.values())[number % 3])
    work = [(f"How many orders on day {number}?", chat_id_for("lost", number)) for number in range(100)]

    answers = client.at_once("ask", work, concurrency=8)

    assert [answer.question for answer in answers] == [question for question, _ in work]
    assert all(answer.text for answer in answers)
    assert set(dot.conversations) == {chat_id for _, chat_id in work}
    assert sum(conversation.duplicates for conversation in dot.conversations.values()) == 0
    assert len(posts(dot)) == 100


@pytest.mark.parametrize("loss", LOST)
def test_a_follow_up_whose_response_is_lost_is_asked_once(connect: Connect, dot: Sandbox, loss: str) -> None:
    client = connect(dot.base_url, timeout=1)
    first = client.ask("How many orders?")
    dot.fail_next("/agentic_with_history", effect=True, **LOST[loss])

    answer = client.follow_up("And per week?", first.chat_id)

    assert answer.question == "And per week?"
    assert [turn.question for turn in dot.conversations[first.chat_id].turns] == ["How many orders?", "And per week?"]


@pytest.mark.parametrize("loss", LOST)
def test_a_post_that_never_arrived_ends_retryable_and_the_next_try_asks(
    connect: Connect, dot: Sandbox, loss: str
) -> None:
    client = connect(dot.base_url, timeout=0.5)
    dot.fail_next("/agentic", **LOST[loss])

    with pytest.raises(DotTimeoutError, match=r"did not appear|not answered in time") as caught:
        client.ask("How many orders?", "chat-1")
    answer = client.ask("How many orders?", "chat-1")

    assert caught.value.retryable
    assert caught.value.chat_url == f"{dot.base_url}/?c=chat-1"
    assert answer.text
    assert dot.conversations["chat-1"].posts == 1


def test_the_same_chat_id_attaches_to_what_was_asked_before(connect: Connect, dot: Sandbox) -> None:
    first = connect(dot.base_url).ask("How many orders?", "chat-1")

    again = connect(dot.base_url).ask("How many  orders?\n", "chat-1")

    assert again.text == first.text
    assert len(posts(dot)) == 1


def test_without_a_chat_id_each_call_asks_anew(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)

    assert client.ask("How many orders?").chat_id != client.ask("How many orders?").chat_id


def test_a_chat_with_another_question_is_refused_before_anything_is_asked(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)
    client.ask("How many orders?", "chat-1")

    with pytest.raises(DotConflictError, match=r"another question \('How many orders\?'\): choose another chat_id"):
        client.ask("How many customers?", "chat-1")

    assert len(posts(dot)) == 1


def test_a_failed_question_is_asked_again_as_the_next_generation_once_per_try(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)

    for _ in range(3):
        with pytest.raises(DotAnswerFailedError, match="asked to fail") as caught:
            client.ask("Revenue [fail]", "chat-1")
        assert caught.value.retryable

    assert list(dot.conversations) == [generation("chat-1", number) for number in range(3)]
    assert len(posts(dot)) == 3


def test_an_answer_is_found_behind_failed_generations(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)
    with pytest.raises(DotAnswerFailedError):
        client.ask("Revenue [fail]", "chat-1")
    dot.conversations["chat-1"].turns[0].question = "Revenue"

    second, third = client.ask("Revenue", "chat-1"), client.ask("Revenue", "chat-1")

    assert second.chat_id == third.chat_id == generation("chat-1", 1)
    assert len(posts(dot)) == 2


def test_a_question_that_keeps_failing_ends_after_50_generations(
    connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dot_provider.api.ask.MAX_GENERATIONS", 2)
    client = connect(dot.base_url)
    for _ in range(2):
        with pytest.raises(DotAnswerFailedError, match="asked to fail"):
            client.ask("Revenue [fail]", "chat-1")

    with pytest.raises(DotAnswerFailedError, match="failed 2 times under chat id chat-1"):
        client.ask("Revenue [fail]", "chat-1")

    assert len(posts(dot)) == 2


def test_a_failed_follow_up_is_asked_again_behind_itself(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)
    chat_id = client.ask("How many orders?").chat_id
    for _ in range(2):
        with pytest.raises(DotAnswerFailedError):
            client.follow_up("And per week? [fail]", chat_id, position=1)

    assert len(dot.conversations[chat_id].turns) == 3


def test_the_follow_up_behind_one_that_failed_once_finds_its_place(connect: Connect, dot: Sandbox) -> None:
    """What failed stays in the chat, so that a place counted from the list of questions is one too low."""
    client = connect(dot.base_url)
    chat_id = client.ask("How many orders?").chat_id
    with pytest.raises(DotAnswerFailedError):
        client.follow_up("And per week? [fail]", chat_id, position=1)
    dot.conversations[chat_id].turns[1].question = "And per week?"
    client.follow_up("And per week?", chat_id, position=1)

    answers = [client.follow_up("And per month?", chat_id, position=2) for _ in range(2)]

    assert [answer.question for answer in answers] == ["And per month?"] * 2
    assert len(dot.conversations[chat_id].turns) == 4


def test_a_follow_up_attaches_where_it_is_the_last_question(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)
    chat_id = client.ask("How many orders?").chat_id

    answers = [client.follow_up("And per week?", chat_id) for _ in range(2)]

    assert answers[0].text == answers[1].text
    assert len(dot.conversations[chat_id].turns) == 2


def test_a_follow_up_to_no_chat_is_refused(connect: Connect, dot: Sandbox) -> None:
    with pytest.raises(DotNotFoundError, match="Chat not found"):
        connect(dot.base_url).follow_up("And per week?", "chat-1")


def test_a_question_that_needs_more_credits_ends_as_its_own_error_with_the_link(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)

    for _ in range(2):
        with pytest.raises(DotNeedsConfirmationError, match="decide in") as caught:
            client.ask("Everything about revenue [confirm]", "chat-1")

    assert caught.value.chat_url == f"{dot.base_url}/?c=chat-1"
    assert caught.value.retryable
    assert len(posts(dot)) == 1


def test_once_a_person_confirmed_the_answer_is_picked_up(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)
    with pytest.raises(DotNeedsConfirmationError):
        client.ask("Everything about revenue [confirm]", "chat-1")
    connect(dot.base_url).follow_up("Yes, keep going", "chat-1")

    answer = client.ask("Everything about revenue [confirm]", "chat-1")

    assert answer.question == "Everything about revenue [confirm]"
    assert "revenue" in answer.text.lower()
    assert len(posts(dot)) == 2


def test_an_older_dot_is_asked_through_its_older_endpoints(connect: Connect) -> None:
    with Sandbox(older=True, answer_polls=2) as older:
        client = connect(older.base_url)

        first = client.ask("How many orders?", "chat-1", "economy")
        second = client.follow_up("And per week?", "chat-1")

        assert first.text
        assert second.question == "And per week?"
        assert [r.path for r in posts(older)] == [
            "/api/agentic",
            "/api/ask",
            "/api/agentic_with_history",
            "/api/ask_with_history",
        ]
        assert "mode" not in posts(older)[1].json


def test_an_unknown_mode_is_refused_before_anything_is_sent(connect: Connect, dot: Sandbox) -> None:
    with pytest.raises(DotUsageError, match="economy, balanced, frontier"):
        connect(dot.base_url).ask("How many orders?", mode="cheap")

    assert dot.requests == []


def test_the_deadline_counts_the_whole_wait(connect: Connect) -> None:
    clock = FakeClock()
    with Sandbox(answer_seconds=3600, hold_requests=False) as slow:
        with pytest.raises(DotTimeoutError, match="Dot has not answered in time") as caught:
            connect(slow.base_url, clock=clock).ask("How many orders?", "chat-1", timeout=60, poll_interval=7)

        assert caught.value.chat_url == f"{slow.base_url}/?c=chat-1"
        assert sum(clock.waits) == pytest.approx(60)


def test_a_server_error_on_reading_keeps_the_question_from_being_asked(connect: Connect, dot: Sandbox) -> None:
    """A chat that cannot be read is not a chat that is not there."""
    dot.fail_next("/c2", status=500, times=1)

    with pytest.raises(DotServerError):
        connect(dot.base_url).ask("How many orders?", "chat-1")

    assert posts(dot) == []


@pytest.mark.parametrize("arguments", [("", "chat-1"), ("How many orders?", "")])
def test_an_empty_question_or_chat_id_is_refused_before_anything_is_sent(
    connect: Connect, dot: Sandbox, arguments: tuple[str, str]
) -> None:
    """An empty template that counted as "no chat id" would pay for the question at each try."""
    with pytest.raises(DotUsageError, match="is empty"):
        connect(dot.base_url).ask(*arguments)

    assert dot.requests == []


def test_an_earlier_try_s_question_is_found_also_where_its_chat_is_hidden_at_first(connect: Connect) -> None:
    with Sandbox(hold_requests=False) as dot:
        earlier = connect(dot.base_url)
        earlier.send(post_question("How many orders?", "chat-1"))
        dot.fail_next("/c2", status=404, times=4)

        answer = connect(dot.base_url).ask("How many orders?", "chat-1")

        assert answer.text
        assert dot.conversations["chat-1"].posts == 1


def test_a_chat_without_a_message_yet_is_no_chat_to_post_to(connect: Connect, dot: Sandbox) -> None:
    """Dot can show the chat before it shows what is in it."""
    earlier = connect(dot.base_url)
    earlier.ask("How many orders?", "chat-1")
    dot.fail_next("/c2", body={"messages": []}, times=2)

    assert connect(dot.base_url).ask("How many orders?", "chat-1").text
    assert dot.conversations["chat-1"].posts == 1


def test_a_follow_up_with_a_place_is_looked_for_before_it_is_posted_again(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)
    client.ask("How many orders?", "chat-1")
    before = {"messages": [dict(message) for message in client.conversation("chat-1").messages]}
    client.follow_up("And per week?", "chat-1", position=1)
    dot.fail_next("/c2", body=before, times=3)

    assert client.follow_up("And per week?", "chat-1", position=1).question == "And per week?"
    assert len(dot.conversations["chat-1"].turns) == 2


def test_whoever_knows_an_id_to_be_new_looks_once(connect: Connect, dot: Sandbox) -> None:
    clock = FakeClock()
    connect(dot.base_url, clock=clock).ask("How many orders?", "chat-1", look_for=0)

    assert clock.waits == []


def test_the_log_shows_the_question_while_it_is_asked(connect: Connect, dot: Sandbox, caplog) -> None:
    with caplog.at_level("INFO", "dot_provider"):
        connect(dot.base_url).ask("How many\norders " + "and so on " * 100)

    (line,) = [record.getMessage() for record in caplog.records if "Asking in" in record.getMessage()]
    assert "How many orders and so on" in line
    assert len(line) < 450


IDENTITIES = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8) | st.integers(), min_size=1)


def test_the_same_work_has_the_same_id_on_every_machine_and_in_every_release() -> None:
    """A changed id would ask, and pay for, every question of a running deployment once more."""
    assert chat_id_for("dag", "run", "task", -1, 0) == "2f158b03-8170-535f-92f3-b75b133836e5"


@given(IDENTITIES, IDENTITIES)
def test_other_work_has_another_id(one: list[object], other: list[object]) -> None:
    assert (chat_id_for(*one) == chat_id_for(*other)) is ([str(p) for p in one] == [str(p) for p in other])
    assert uuid.UUID(chat_id_for(*one)).version == 5


def test_the_first_generation_is_the_id_itself_and_each_later_one_another() -> None:
    ids = [generation("chat", number) for number in range(50)]
    assert ids[0] == "chat"
    assert len(set(ids)) == 50
