"""What is done when it is not known whether Dot took a question, and where in a chat a question stands."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from dot_provider.api import (
    Conversation,
    DotConflictError,
    DotProtocolError,
    DotRateLimitedError,
    DotTimeoutError,
    DotUnreachableError,
)
from dot_provider.api.post_once import ABSENT_FOR, APPEAR_WITHIN, MAX_POSTS, Question, post_once
from dot_provider.api.wait import wait_for_answer
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock

QUESTION = Question("How many orders?", "chat-1")


def test_a_503_is_posted_again_once_the_chat_stayed_absent(connect: Connect, dot: Sandbox) -> None:
    clock = FakeClock()
    dot.fail_next("/agentic", status=503)

    answer = connect(dot.base_url, clock=clock).ask(QUESTION.text, QUESTION.chat_id)

    assert answer.text
    assert dot.conversations["chat-1"].posts == 1
    assert ABSENT_FOR <= sum(clock.waits) < APPEAR_WITHIN


def test_a_503_that_hides_an_accepted_question_is_not_posted_again(connect: Connect, dot: Sandbox) -> None:
    """Some proxies send 503 for a connection that they lost, and the chat can take a moment to be seen."""
    dot.fail_next("/agentic", status=503, effect=True)
    dot.fail_next("/c2", status=404, times=2)
    client = connect(dot.base_url)

    asked = client.run(post_once(QUESTION))

    assert (asked.chat_id, asked.position) == (QUESTION.chat_id, QUESTION.position)
    assert dot.conversations["chat-1"].posts == 1


def test_the_wait_behind_a_503_is_the_one_that_dot_asks_for(connect: Connect, dot: Sandbox) -> None:
    clock = FakeClock()
    dot.fail_next("/agentic", status=503, retry_after=90)

    connect(dot.base_url, clock=clock).ask(QUESTION.text, QUESTION.chat_id)

    assert 90 <= sum(clock.waits) < 110


def test_503s_without_end_end_retryable(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", status=503, detail="Deploying", times=20)

    with pytest.raises(DotTimeoutError, match="Dot says: Deploying") as caught:
        connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id)

    assert caught.value.retryable
    assert len([r for r in dot.requests if r.method == "POST"]) == MAX_POSTS


@pytest.mark.parametrize("status", [500, 502, 504])
def test_other_server_errors_are_not_posted_again(connect: Connect, dot: Sandbox, status: int) -> None:
    dot.fail_next("/agentic", status=status)

    with pytest.raises(DotTimeoutError):
        connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id)

    assert len([r for r in dot.requests if r.method == "POST"]) == 1


@pytest.mark.parametrize("loss", [{"lose": "hang"}, {"status": 504}])
def test_a_post_that_dot_kept_waiting_is_waited_for_also_where_its_chat_stays_hidden(
    connect: Connect, dot: Sandbox, loss: dict[str, Any]
) -> None:
    """A Dot could show a chat only once it is answered; giving up after a while would pay for the question twice."""
    dot.fail_next("/agentic", effect=True, **loss)
    dot.fail_next("/c2", status=404, times=101)
    answer = connect(dot.base_url, timeout=0.5).ask(QUESTION.text, QUESTION.chat_id)

    assert answer.text
    assert dot.conversations["chat-1"].posts == 1


def test_a_429_was_not_taken_and_is_posted_again(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", status=429, retry_after=3)

    assert connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id).text
    assert dot.conversations["chat-1"].posts == 1


def test_429s_without_end_end_as_what_they_are(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", status=429, times=20)

    with pytest.raises(DotRateLimitedError):
        connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id)


def test_a_server_that_is_gone_ends_as_what_it_is(connect: Connect) -> None:
    with Sandbox() as gone:
        url = gone.base_url

    with pytest.raises(DotUnreachableError) as caught:
        connect(url).ask(QUESTION.text)

    assert caught.value.sent is False


def test_an_answer_that_cannot_be_read_is_read_from_the_chat(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", body="<html><title>Gateway</title></html>", effect=True)

    assert connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id).text
    assert dot.conversations["chat-1"].posts == 1


def test_a_response_that_does_not_show_the_question_is_no_answer(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", body=[{"role": "assistant", "content": "Something else"}], effect=True)

    answer = connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id)

    assert answer.question == QUESTION.text
    assert answer.text != "Something else"


def test_a_message_that_a_person_wrote_in_between_is_not_taken_for_the_lost_follow_up(
    connect: Connect, dot: Sandbox
) -> None:
    client = connect(dot.base_url)
    client.ask(QUESTION.text, QUESTION.chat_id)
    expected_place = Question("And per week?", QUESTION.chat_id, position=1)
    client.follow_up("Who asks?", QUESTION.chat_id)
    dot.fail_next("/agentic_with_history", status=502, effect=True)

    asked = client.run(post_once(expected_place))
    answer = client.run(wait_for_answer(asked, deadline=client.client._clock.now() + 60))

    assert asked.position == 2
    assert answer.question == "And per week?"


def test_reads_that_fail_do_not_count_as_an_absent_chat(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", status=503, effect=True)
    dot.fail_next("/c2", status=500, times=9)
    client = connect(dot.base_url)

    client.run(post_once(QUESTION))

    assert dot.conversations["chat-1"].posts == 1


def test_two_processes_that_ask_at_once_post_once_outside_of_the_window(connect: Connect) -> None:
    """The window is the time between the first one's look and its post; whoever looks later attaches."""
    with Sandbox(answer_polls=3, hold_requests=False) as dot:
        clients = [connect(dot.base_url) for _ in range(2)]
        answers = []

        def ask(number: int) -> None:
            answers.append(clients[number].ask(QUESTION.text, QUESTION.chat_id, poll_interval=0.01))

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
        threads[0].start()
        while not dot.conversations:
            time.sleep(0.01)
        threads[1].start()
        for thread in threads:
            thread.join()

        assert len({answer.text for answer in answers}) == 1
        assert dot.conversations["chat-1"].posts == 1


def test_a_web_page_instead_of_dot_is_one_clear_error_at_once(connect: Connect, dot: Sandbox) -> None:
    clock = FakeClock()
    dot.fail_next(status=200, body="<html><title>Sign in</title></html>", content_type="text/html", times=10)

    with pytest.raises(DotProtocolError, match="titled 'Sign in'"):
        connect(dot.base_url, clock=clock).ask(QUESTION.text)

    assert sum(clock.waits) == 0


def test_an_error_with_200_is_no_word_on_whether_dot_took_the_question(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", status=200, body={"error": "worker lost"}, effect=True)
    assert connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id).text
    assert dot.conversations["chat-1"].posts == 1


def test_an_error_with_200_is_told_where_dot_did_not_take_the_question(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/agentic", status=200, body={"error": "worker lost"})
    with pytest.raises(DotTimeoutError, match="worker lost"):
        connect(dot.base_url).ask(QUESTION.text, QUESTION.chat_id)
    assert not dot.conversations


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
