from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api.conversations import Conversation, QuestionState, answering_message

ASKED = {"role": "user", "content": "How many orders?"}
AGAIN = {"role": "user", "content": "And last week?"}
STEP = {"role": "assistant", "content": "Looking at the orders table."}
DONE = {
    "role": "assistant",
    "content": "success",
    "additional_data": {"formatted_result": [{"type": "text", "data": "7"}]},
}
OLDER = {"role": "assistant", "content": "success", "explanation": "7 orders"}


def state(*replies: Any, position: int = 0, complete: bool = False, **whole: Any) -> QuestionState:
    document = {"messages": [ASKED, *replies], **whole}
    return Conversation.from_document(document, "c", complete=complete).state_of(position)


@pytest.mark.parametrize(
    "document", [[ASKED, DONE], {"messages": [ASKED, DONE]}, {"messages": [ASKED, None, "x", DONE]}]
)
def test_posting_returns_a_list_and_reading_a_dict(document: Any) -> None:
    found = Conversation.from_document(document, "c")
    assert found.messages == (ASKED, DONE)
    assert found.raw is document


@pytest.mark.parametrize("document", [None, "text", {}, {"messages": None}, {"detail": "x"}])
def test_a_document_without_messages_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="no messages"):
        Conversation.from_document(document, "c")


def test_each_question_has_the_replies_up_to_the_next_one() -> None:
    found = Conversation.from_document([STEP, ASKED, STEP, DONE, AGAIN, OLDER], "c")
    assert found.questions == ["How many orders?", "And last week?"]
    assert [list(found.replies_to(n)) for n in range(3)] == [[STEP, DONE], [OLDER], []]


@pytest.mark.parametrize("replies", [[], [STEP], [STEP, STEP], [{"role": "assistant"}], [{"additional_data": None}]])
def test_a_question_without_an_answer_is_running(replies: list[Any]) -> None:
    assert state(*replies) is QuestionState.RUNNING


@pytest.mark.parametrize(
    "replies", [[DONE], [STEP, DONE], [DONE, STEP], [OLDER], [STEP, OLDER], [{**DONE, "error": None}]]
)
def test_a_question_with_an_answer_is_answered(replies: list[Any]) -> None:
    assert state(*replies) is QuestionState.ANSWERED


@pytest.mark.parametrize("empty", [None, False, "", 0, {}, []])
def test_an_empty_error_says_that_there_was_none(empty: Any) -> None:
    assert state({**DONE, "error": empty}) is QuestionState.ANSWERED


def test_content_alone_is_an_answer_only_as_the_servers_final_word() -> None:
    assert state(STEP, complete=False) is QuestionState.RUNNING
    assert state(STEP, complete=True) is QuestionState.ANSWERED
    assert state({"role": "assistant", "content": " success "}, complete=True) is QuestionState.RUNNING


@pytest.mark.parametrize("word", ["running", "Pending", "IN_PROGRESS"])
def test_a_status_that_says_running_wins_over_an_early_result(word: str) -> None:
    assert state({**DONE, "status": word}) is QuestionState.RUNNING
    assert state(DONE, status=word) is QuestionState.RUNNING


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"status": "failed", "error": "no data"}, "no data"),
        ({"status": "ERROR", "content": "Something broke"}, "Something broke"),
        ({"error": "no data"}, "no data"),
        ({"error": {"message": "no data"}}, "no data"),
        ({"error": {"code": 7}}, "{'code': 7}"),
        ({"error": True, "content": "Something broke"}, "Something broke"),
        ({"error": True}, "no reason given"),
        ({"error": ["no data"]}, "['no data']"),
        ({"additional_data": {"error": "no data"}}, "no data"),
    ],
)
def test_a_failure_is_recognized_with_dots_own_words(reply: dict[str, Any], words: str) -> None:
    found = Conversation.from_document([ASKED, STEP, {"role": "assistant", **reply}], "c")
    assert found.state_of(0) is QuestionState.FAILED
    assert found.error_of(0) == words


def test_a_question_without_replies_has_no_error() -> None:
    assert Conversation.from_document([ASKED], "c").error_of(0) == ""


def test_a_chat_that_asks_for_more_credits_needs_a_person() -> None:
    asks = {"content": "Keep going?", "additional_data": {"needs_confirmation": True, "estimated_credits": 42}}
    assert state(asks) is QuestionState.NEEDS_CONFIRMATION


def test_only_the_last_reply_decides() -> None:
    assert state({"error": "first try failed"}, DONE) is QuestionState.ANSWERED


def test_a_failed_chat_fails_its_question_wherever_the_status_stands() -> None:
    assert state(STEP, status="failed") is QuestionState.FAILED


def test_the_last_result_answers() -> None:
    later = {"additional_data": {"formatted_result": [{"type": "text", "data": "8"}]}}
    assert answering_message([DONE, later, STEP], complete=False) is later
    assert answering_message([], complete=True) is None


@pytest.mark.parametrize("word", ["failed", "running"])
def test_the_status_of_a_chat_is_where_its_last_question_stands_and_no_other(word: str) -> None:
    """A follow-up that failed must not make the answered question before it be asked, and paid for, again."""
    document = {"status": word, "messages": [ASKED, DONE, AGAIN, STEP]}
    chat = Conversation.from_document(document, "chat-1")
    assert chat.state_of(0) is QuestionState.ANSWERED
    assert chat.state_of(1).value == word


@pytest.mark.parametrize("word", ["completed", "Done", "SUCCESS"])
def test_content_alone_is_an_answer_where_a_status_says_so(word: str) -> None:
    assert state({**STEP, "status": word}) is QuestionState.ANSWERED
    assert state(STEP, status=word) is QuestionState.ANSWERED
    assert state({"role": "assistant", "content": "success", "status": word}) is QuestionState.RUNNING


def test_a_status_that_says_done_is_that_of_the_last_reply() -> None:
    assert state({**STEP, "status": "done"}, STEP) is QuestionState.RUNNING


def test_a_chat_of_2000_questions_is_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place is asked for, of a person who confirms without end or a follow-up that fails without end."""
    looks = 0

    class Message(dict[str, Any]):
        def get(self, *args: Any) -> Any:
            nonlocal looks
            looks += 1
            return super().get(*args)

    chat = Conversation("c", tuple(Message(message) for _ in range(2000) for message in (ASKED, STEP)))
    for position in range(2000):
        chat.state_of(position)
    assert looks < 50 * len(chat.messages)
