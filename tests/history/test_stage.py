from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from dot_provider.api.errors import DotProtocolError
from dot_provider.history.source import opened
from dot_provider.history.stage import REPORTED, Stage

from .conftest import conversation

Staged = Callable[..., Stage]


@pytest.fixture
def staged() -> Iterator[Staged]:
    with ExitStack() as stack:

        def make(records: Any, max_bad_records: int = 0) -> Stage:
            return stack.enter_context(closing(Stage(stack.enter_context(opened(records)), max_bad_records)))

        yield make


def _texts(stage: Stage) -> dict[str, list[str]]:
    return {row["chat_id"]: [message["content"] for message in messages] for row, messages in stage.conversations()}


def test_a_conversation_that_comes_twice_counts_as_it_came_last(staged: Staged) -> None:
    stage = staged([conversation("a", "1", "2", "3"), conversation("b", "x"), conversation("a", "4")])
    assert _texts(stage) == {"a": ["4"], "b": ["x"]}


def test_the_copy_that_was_updated_last_wins_over_one_that_comes_later(staged: Staged) -> None:
    new, old = conversation("a", "new", updated_at="2026-08-02"), conversation("a", "old", updated_at="2026-08-01")
    assert _texts(staged([new, old])) == {"a": ["new"]}


def test_two_workspaces_that_chose_one_id_are_told_apart(staged: Staged) -> None:
    chats = [{"chat_id": "weekly", "workspace_id": name, "messages": [{"content": name}]} for name in ("w1", "w2")]
    with pytest.raises(DotProtocolError, match="w1 and w2"):
        _texts(staged(chats))
    _texts(staged([chats[0], {**chats[0], "workspace_id": None}]))


def test_parts_of_one_conversation_are_put_together(staged: Staged) -> None:
    parts = [conversation("a", text, number_of_messages=2) for text in ("1", "2")]
    stage = staged(parts)
    assert _texts(stage) == {"a": ["1", "2"]}
    assert stage.partial == 0


def test_flat_rows_of_one_conversation_belong_together_wherever_they_stand(staged: Staged) -> None:
    rows = [{"chat_id": c, "role": "user", "content": t} for c, t in [("a", "1"), ("b", "x"), ("a", "2")]]
    assert _texts(staged(rows)) == {"a": ["1", "2"], "b": ["x"]}


def test_a_question_with_its_answer_is_two_messages_however_often_it_is_loaded(staged: Staged) -> None:
    row = {"chat_id": "a", "question": "how many?", "answer": "42", "created_at": "2026-08-01T10:00:00Z"}
    [(conversation_row, messages)] = staged([row]).conversations()
    stored = {"a": ("", conversation_row["raw"], [message["raw"] for message in messages])}
    [(again, same)] = staged([row]).conversations(lambda ids: stored)
    assert [(m["role"], m["content"]) for m in same] == [("user", "how many?"), ("assistant", "42")]
    assert again == conversation_row


def test_a_conversation_and_its_flat_rows_become_one(staged: Staged) -> None:
    stage = staged([{"chat_id": "a", "role": "user", "content": "1"}, {"chat_id": "a", "title": "t", "user": "me"}])
    [(row, messages)] = stage.conversations()
    assert (row["title"], row["message_count"], messages[0]["content"]) == ("t", 1, "1")


def test_raw_is_the_record_without_its_messages(staged: Staged) -> None:
    document = b'[{"chat_id": "a", "n": 1.10, "messages": [{"content": "1", "n": 1e400}]}]'
    [(row, [message])] = staged(document).conversations()
    assert (row["raw"], message["raw"]) == ('{"chat_id":"a","n":1.10}', '{"content": "1", "n": 1e400}')


@pytest.mark.parametrize(
    "messages",
    [json.dumps([{"content": "1"}]), {"messages": [{"content": "1"}]}, {"m1": {"content": "1"}}],
)
@pytest.mark.parametrize("name", ["messages", "turns", "items"])
def test_messages_may_be_text_or_an_object(staged: Staged, name: str, messages: Any) -> None:
    assert _texts(staged([{"chat_id": "a", name: messages}])) == {"a": ["1"]}


STRAYS: list[Any] = [17, "junk", None, True, {}, {"id": "m9", "created_at": "2026-08-01"}, [1.50]]


@pytest.mark.parametrize("wrapped", [list, json.dumps, lambda found: {"messages": found}])
@pytest.mark.parametrize("twice", [1, 2])
def test_what_is_no_message_stays_in_raw_and_is_counted(staged: Staged, wrapped: Any, twice: int) -> None:
    found = [STRAYS[0], {"role": "user", "content": "1"}, *STRAYS[1:]]
    stage = staged([{"chat_id": "a", "messages": wrapped(found), "message_count": len(found)}] * twice)
    [(row, messages)] = stage.conversations()
    assert [message["content"] for message in messages] == ["1"]
    assert json.loads(row["raw"]) == {"chat_id": "a", "message_count": len(found), "messages": STRAYS}
    assert dict(stage.unreadable.counts) == {"conversations.messages": len(STRAYS)}
    assert stage.unreadable.examples == {"conversations.messages": "a"}
    assert stage.partial == 0


def test_what_is_no_message_stays_in_raw_digit_by_digit(staged: Staged) -> None:
    [(row, _)] = staged(b'[{"chat_id": "a", "messages": [1.50, {"role": "user"}]}]').conversations()
    assert row["raw"] == '{"chat_id":"a","messages":[1.50]}'


def test_what_is_no_message_stays_though_messages_are_added(staged: Staged) -> None:
    one, other = ({"chat_id": "a", "messages": [{"content": text}, n], "n_messages": 5} for n, text in enumerate("xy"))
    [(row, messages)] = staged([one]).conversations()
    stored = {"a": ("", row["raw"], [message["raw"] for message in messages])}
    for _ in range(2):
        [(row, messages)] = staged([other]).conversations(lambda ids, now=stored: now)
        assert [message["content"] for message in messages] == ["x", "y"]
        assert json.loads(row["raw"])["messages"] == [0, 1]
        stored = {"a": ("", row["raw"], [message["raw"] for message in messages])}


@pytest.mark.parametrize("inner", ["1", {"role": "user", "content": "1"}])
def test_a_list_of_nothing_but_texts_is_what_was_said(staged: Staged, inner: Any) -> None:
    stage = staged([{"chat_id": "a", "messages": [inner if isinstance(inner, str) else json.dumps(inner)]}])
    assert _texts(stage) == {"a": ["1"]}
    assert not stage.unreadable.counts


def test_values_that_cannot_be_read_are_counted_once_however_they_come(staged: Staged) -> None:
    answer = {"role": "assistant", "content": "x", "credits": "free", "created": {"$date": 1}}
    stage = staged([{"chat_id": c, "messages": [answer]} for c in ("b", "a", "b")])
    list(stage.conversations())
    assert dict(stage.unreadable.counts) == {"messages.credits": 2, "messages.created_at": 2}


@pytest.mark.parametrize("name", ["messages", "turns"])
@pytest.mark.parametrize("strange", ["hello", 17, True, {"a": 1}, "[1"])
def test_messages_that_are_no_list_are_counted(staged: Staged, name: str, strange: Any) -> None:
    stage = staged([{"chat_id": c, name: strange} for c in "aba"])
    assert _texts(stage) == {"a": [], "b": []}
    assert dict(stage.unreadable.counts) == {"conversations.messages": 3}


@pytest.mark.parametrize("position", [-1, "first", 1.5, {"n": 1}])
def test_a_position_that_is_none_is_counted(staged: Staged, position: Any) -> None:
    stage = staged([{"chat_id": "a", "messages": [{"content": "1", "position": position}, {"content": "2"}]}])
    assert _texts(stage) == {"a": ["1", "2"]}
    assert dict(stage.unreadable.counts) == {"messages.position": 1}


def test_ids_keep_their_white_space(staged: Staged) -> None:
    assert set(_texts(staged([conversation(chat_id) for chat_id in ("abc", " abc", "abc ")]))) == {
        "abc",
        " abc",
        "abc ",
    }


def test_records_without_an_id_are_counted_and_named(staged: Staged) -> None:
    stage = staged([conversation("a"), {"title": "no id"}, "text", None, {"chat_id": "a\ud83d"}], max_bad_records=4)
    assert (stage.received, stage.rejected) == (5, 4)
    assert stage.rejections[0].startswith("record 1 has no chat_id")
    assert list(_texts(stage)) == ["a"]


def test_the_report_of_rejected_records_is_bounded(staged: Staged) -> None:
    stage = staged([conversation("a"), *({} for _ in range(100))], max_bad_records=100)
    assert (stage.rejected, len(stage.rejections)) == (100, REPORTED)


@pytest.mark.parametrize(("records", "allowed"), [([{"a": 1}, {"b": 2}], 1), ([conversation("a"), {"b": 2}], 0)])
def test_bad_records_stop_the_load_unless_they_are_allowed(staged: Staged, records: Any, allowed: int) -> None:
    with pytest.raises(DotProtocolError):
        staged(records, max_bad_records=allowed)


def test_a_record_nested_beyond_reason_is_rejected(staged: Staged) -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    stage = staged([conversation("a"), {"chat_id": "b", "x": deep}], max_bad_records=1)
    assert (stage.rejected, list(_texts(stage))) == (1, ["a"])


def test_replaced_characters_are_counted_once(staged: Staged) -> None:
    stage = staged([conversation("a", "x\x00y\ud83d")])
    assert _texts(stage) == {"a": ["x\ufffdy\ufffd"]}
    assert stage.cleaned_characters == 2


def test_a_byte_that_is_no_utf_8_is_replaced(staged: Staged) -> None:
    stage = staged(b'[{"chat_id": "a", "messages": [{"content": "x\xffy"}]}]')
    assert _texts(stage) == {"a": ["x\ufffdy"]}
    assert stage.cleaned_characters == 1


def test_fields_that_no_column_is_made_of_are_counted(staged: Staged) -> None:
    stage = staged(
        [conversation("a", "x", novelty=1), {"chat_id": "b", "messages": [{"mood": "good", "content": "y"}]}] * 2
    )
    assert stage.unknown_fields == {"novelty": 2, "mood": 2}


def test_equal_messages_that_are_stored_are_not_taken_for_one(staged: Staged) -> None:
    stage = staged([conversation("a", "new", number_of_messages=3)])
    stored = {"a": ("", '{"chat_id":"a"}', ['{"role":"user","content":"again"}'] * 2)}
    [(_, messages)] = stage.conversations(lambda ids: stored)
    assert [message["content"] for message in messages] == ["again", "again", "new"]
