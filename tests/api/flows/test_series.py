from __future__ import annotations

from dot_provider.api.flows.series import ask_series
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect

QUESTIONS = ("How many orders?", ["And last week?", "Why?"])


def test_a_series_is_asked_in_order_in_one_chat(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    answers = client.run(ask_series(client.server, *QUESTIONS, "chat-1"))
    assert [answer.question for answer in answers] == ["How many orders?", "And last week?", "Why?"]
    assert {answer.chat_id for answer in answers} == {"chat-1"}


def test_a_series_run_again_attaches_to_each_question_and_pays_for_none(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    first = client.run(ask_series(client.server, *QUESTIONS, "chat-1"))
    again = client.run(ask_series(client.server, *QUESTIONS, "chat-1"))
    assert [answer.text for answer in again] == [answer.text for answer in first]
    assert len([r for r in dot.requests if r.method == "POST"]) == 3


def test_a_series_that_was_cut_off_goes_on_where_it_stopped(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    client.run(ask_series(client.server, "How many orders?", ["And last week?"], "chat-1"))
    answers = client.run(ask_series(client.server, *QUESTIONS, "chat-1"))
    assert len(answers) == 3
    assert len([r for r in dot.requests if r.method == "POST"]) == 3
