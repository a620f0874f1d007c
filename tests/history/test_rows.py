from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.history.facts import Unreadable
from dot_provider.history.rows import (
    Message,
    chat_id_of,
    is_message,
    is_whole,
    merged,
    messages_in,
    rows_of,
    says_something,
)
from dot_provider.history.tables import COLUMNS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = "chat_id title user labels feedback rating messages created_at updated_at message_count content role position id"
RECORD = st.dictionaries(st.sampled_from(KEYS.split()) | st.text(max_size=3), JSON)


def _rows(record: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    messages = [Message(value, json.dumps(value)) for value in messages_in(record)[1] or ()]
    return rows_of("c", record, "{}", messages)


def _conversation(**record: Any) -> dict[str, Any]:
    return _rows(record)[0]


def _message(**record: Any) -> dict[str, Any]:
    return _rows({"messages": [record]})[1][0]


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"chat_id": "a", "id": 7}, "a"),
        ({"conversation_id": "a", "id": 7}, "a"),
        ({"id": 7}, "7"),
        ({"chat_id": " ", "id": ""}, None),
        ({"chat_id": " a "}, " a "),
        ({"chat_id": "a\ud83d"}, None),
        ({"chat_id": None}, None),
        ({"chat_id": True}, None),
        ({"chat_id": {"x": 1}}, None),
        ("text", None),
        (None, None),
    ],
)
def test_a_conversation_is_known_by_its_id(record: Any, expected: str | None) -> None:
    assert chat_id_of(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"chat_id": "a", "messages": []}, False),
        ({"chat_id": "a", "history": [{"content": "x"}]}, False),
        ({"chat_id": "a", "title": "x"}, False),
        ({"chat_id": "a", "role": "user", "content": "x"}, True),
        ({"chat_id": "a", "question": "x"}, True),
        ({"chat_id": "a", "message": {"role": "user", "content": "x"}}, True),
    ],
)
def test_a_flat_row_is_told_from_a_conversation(record: Any, expected: bool) -> None:
    assert is_message(record) is expected


@pytest.mark.parametrize(
    "value",
    [
        "2026-08-01T10:00:00Z",
        "2026-08-01T10:00:00",
        "2026-08-01 10:00:00.0",
        "2026-08-01T12:00:00.000000000+02:00",
        1785578400,
        1785578400.0,
        1785578400000,
        1785578400000000,
        "1785578400",
        "Sat, 01 Aug 2026 10:00:00 GMT",
        20260801100000,
        "20260801100000",
    ],
)
def test_times_come_in_many_forms(value: Any) -> None:
    assert _message(created_at=value)["created_at"] == _at("2026-08-01T10:00:00")


@pytest.mark.parametrize("value", ["soon", "", True, {}, 1e300, "9" * 30, "2026-13-01"])
def test_a_time_that_cannot_be_read_is_unknown(value: Any) -> None:
    assert _message(created_at=value)["created_at"] is None


@pytest.mark.parametrize("value", [20260801, "20260801"])
def test_a_day_may_be_written_as_a_number(value: Any) -> None:
    assert _message(created_at=value)["created_at"] == _at("2026-08-01T00:00:00")


def _unread(record: dict[str, Any]) -> tuple[dict[str, int], dict[str, str]]:
    unreadable = Unreadable()
    rows_of("c", record, "{}", [Message(v, "{}") for v in messages_in(record)[1] or ()], unreadable)
    return dict(unreadable.counts), unreadable.examples


NUMBERS: list[Any] = [True, "1,5", "0.5 credits", "1_000", [1], {"amount": 1}, 10**400, "nan"]


@pytest.mark.parametrize(
    ("column", "names", "values"),
    [
        ("created_at", ("created", "timestamp"), [{"$date": "2026-08-01"}, "01.08.2026", True, 1e300, ["2026"]]),
        ("credits", ("credits", "cost"), NUMBERS),
    ],
)
def test_what_came_and_cannot_be_read_is_counted_for_its_column(
    column: str, names: tuple[str, ...], values: list[Any]
) -> None:
    for name in names:
        for value in values:
            answer = {"role": "assistant", "content": "x", name: value}
            found, examples = _unread({name: value, "messages": [answer, answer]})
            assert found == {f"conversations.{column}": 1, f"messages.{column}": 2}, value
            assert set(examples.values()) == {"c"}


@pytest.mark.parametrize("value", NUMBERS)
def test_credits_and_seconds_inside_of_the_additional_data_count_too(value: Any) -> None:
    record = {"messages": [{"role": "assistant", "additional_data": {"credits": value, "latency": value}}]}
    assert _unread(record)[0] == {"messages.credits": 1, "messages.seconds_to_answer": 1}


def test_other_columns_that_can_be_unreadable() -> None:
    record = {"updated_at": "soon", "message_count": "many", "messages": [{"role": "assistant", "sql": {"a": 1}}]}
    assert _unread(record)[0] == {
        "conversations.updated_at": 1,
        "conversations.message_count": 1,
        "messages.sql": 1,
    }


def test_nothing_is_unreadable_where_nothing_came() -> None:
    empty = dict.fromkeys(("created_at", "updated_at", "credits", "message_count", "sql", "latency"))
    for record in (empty, dict.fromkeys(empty, ""), {}):
        assert _unread({**record, "messages": [{**record, "role": "user"}]}) == ({}, {})


@pytest.mark.parametrize(("value", "expected"), [("1.5", 1.5), (" 2 ", 2.0), (-1, -1.0), (0, 0.0), ("-0.5", -0.5)])
def test_numbers_may_be_text_and_negative(value: Any, expected: float) -> None:
    assert _message(role="assistant", credits=value)["credits"] == expected


@pytest.mark.parametrize("count", ["2", 2.0, 2])
def test_a_count_may_be_text(count: Any) -> None:
    assert _conversation(message_count=count, messages=[{}])["message_count"] == 2


def test_several_queries_of_one_answer_are_one_text() -> None:
    assert _message(role="assistant", sql=["SELECT 1", "SELECT 2"])["sql"] == "SELECT 1\n\nSELECT 2"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"role": "user"}, True),
        ({"text": "x"}, True),
        ({"message": {"content": "x"}}, True),
        ({"question": "q", "answer": "a"}, True),
        ({"additional_data": {"formatted_result": []}}, True),
        ({"sql": "SELECT 1"}, True),
        ({}, False),
        ({"id": "m1", "created_at": 1785578400, "novelty": "x"}, False),
        ({"role": None, "content": ""}, False),
        (17, False),
        (None, False),
        (True, False),
        ("text", False),
        ([{"role": "user"}], False),
    ],
)
def test_a_message_says_something_or_is_none(value: Any, expected: bool) -> None:
    assert says_something(value) is expected


def test_a_conversation_without_times_has_those_of_its_messages() -> None:
    row = _conversation(messages=[{"created_at": 1785578400}, {"created_at": 1785578500}])
    assert (row["created_at"], row["updated_at"]) == (1785578400_000_000, 1785578500_000_000)


@pytest.mark.parametrize(
    "author", [{"author": "me@x.y"}, {"user": {"email": "me@x.y", "id": 1}}, {"user_email": "me@x.y"}]
)
def test_the_author_has_many_names(author: dict[str, Any]) -> None:
    assert _conversation(**author)["author"] == "me@x.y"


def test_labels_may_be_objects() -> None:
    labels = [{"name": "finance", "color": "red"}, "sales", {"x": 1}]
    assert _conversation(labels=labels)["labels"] == '["finance","sales",{"x":1}]'


def test_ratings_feedback_and_labels_are_text_whatever_their_type() -> None:
    row = _conversation(rating=4, feedback={"text": "ok"}, labels="one")
    assert (row["rating"], row["feedback"], row["labels"]) == ("4", '{"text":"ok"}', '["one"]')


def test_the_count_of_messages_is_dots_or_our_own() -> None:
    assert _conversation(number_of_messages=9, messages=[{}])["message_count"] == 9
    assert _conversation(number_of_messages="many", messages=[{}])["message_count"] == 1


def test_an_answer_is_in_its_parts_when_the_content_says_nothing() -> None:
    parts = [{"type": "text", "data": "42"}, {"type": "chart", "data": "k"}, {"type": "text", "data": "done"}]
    assert _message(content="success", additional_data={"formatted_result": parts})["content"] == "42\n\ndone"


def test_content_may_be_a_list_of_parts() -> None:
    assert _message(content=["a", {"type": "text", "text": "b"}])["content"] == "a\n\nb"


def test_unknown_fields_stay_in_raw() -> None:
    assert json.loads(_message(role="user", novelty={"x": 1})["raw"]) == {"role": "user", "novelty": {"x": 1}}


def test_an_older_servers_answer_is_in_its_explanation() -> None:
    assert _message(content="success", explanation="42")["content"] == "42"


def test_a_question_with_its_answer_is_two_messages() -> None:
    row, messages = _rows({"messages": [{"question": "q", "answer": "a", "user": "me", "id": 7}]})
    assert [(m["position"], m["role"], m["content"]) for m in messages] == [(0, "user", "q"), (1, "assistant", "a")]
    assert (row["message_count"], row["first_question"]) == (2, "q")


def test_rating_and_comment_may_stand_inside_of_the_feedback() -> None:
    row = _conversation(feedback={"rating": 1, "comment": "wrong"})
    assert (row["rating"], row["comment"]) == ("1", "wrong")


def test_an_answer_tells_its_sql_tables_credits_and_seconds() -> None:
    asset = {"sql_query": "WITH x AS (SELECT 1) SELECT extract(year FROM day) FROM shop.orders JOIN x ON true"}
    answer = {
        "id": "m2",
        "role": "assistant",
        "created_at": "2026-08-01T10:00:05.5Z",
        "additional_data": {"assets": {"df": asset}, "credits": 0.5},
    }
    question = {"role": "user", "content": "q", "created_at": "2026-08-01T10:00:00Z"}
    row, messages = _rows({"messages": [question, answer], "environment": {"name": "staging"}, "org_id": 7})
    assert (row["credits"], row["environment"], row["workspace"]) == (0.5, "staging", "7")
    found = messages[1]
    assert (found["message_id"], found["sql"], found["tables_used"]) == ("m2", asset["sql_query"], '["shop.orders"]')
    assert (found["credits"], found["seconds_to_answer"]) == (0.5, 5.5)


def test_a_review_has_a_reason() -> None:
    for record in ({"auto_review": {"label": "Issue", "reason": "why"}}, {"review": "Issue", "reason": "why"}):
        row = _conversation(**record)
        assert (row["review"], row["review_reason"]) == ("Issue", "why")


def test_the_digest_stands_for_all_that_is_stored() -> None:
    one = _conversation(messages=[{"content": "a"}])["digest"]
    assert one == _conversation(messages=[{"content": "a"}])["digest"]
    assert one != _conversation(messages=[{"content": "b"}])["digest"]


@pytest.mark.parametrize(
    ("record", "whole"),
    [
        ({"messages": []}, True),
        ({}, False),
        ({"messages": [], "message_count": 1}, False),
        ({"messages": [{}], "message_count": 1}, True),
        ({"messages": [{"created_at": "2026-08-02"}], "created_at": "2026-08-01"}, False),
        ({"messages": [{"created_at": "2026-08-02"}], "created_at": "2026-08-02"}, False),
        ({"messages": [{"created_at": "2026-08-02"}], "created_at": "2026-08-02", "updated_at": "2026-08-02"}, True),
        ({"messages": [{"created_at": "2026-08-02"}], "updated_at": "2026-08-03"}, False),
    ],
)
def test_a_conversation_is_whole_as_far_as_its_count_or_its_days_tell(record: dict[str, Any], whole: bool) -> None:
    values = messages_in(record)[1]
    assert is_whole(record, None if values is None else [Message(v, "{}") for v in values]) is whole


def _flat(*records: dict[str, Any]) -> list[str]:
    return [message.value["content"] for message in merged([[Message(r, json.dumps(r)) for r in records]])]


def test_flat_rows_keep_their_order_without_times() -> None:
    assert _flat({"content": "a"}, {"content": "b"}, {"content": "a"}) == ["a", "b", "a"]


def test_flat_rows_are_ordered_by_position_then_time() -> None:
    later, earlier = {"content": "b", "created_at": 20_000_000_00}, {"content": "a", "created_at": 10_000_000_00}
    assert _flat(later, earlier) == ["a", "b"]
    assert _flat({"content": "z", "position": 2}, {"content": "y", "position": 1}) == ["y", "z"]


def test_a_flat_row_that_comes_twice_counts_as_it_came_last() -> None:
    rows = {"id": "m1", "content": "old"}, {"id": "m2", "content": "x"}, {"id": "m1", "content": "new"}
    assert _flat(*rows) == ["new", "x"]


@given(record=RECORD)
def test_no_record_is_too_odd_for_a_row(record: dict[str, Any]) -> None:
    """Whatever the types, the rows have the types of the tables."""
    types: dict[str, Any] = {"text": str, "bigint": int, "timestamp": int, "double": (int, float)}
    row, messages = _rows(record)
    for table, rows in (("conversations", [row]), ("messages", messages)):
        for found in rows:
            assert list(found) == list(COLUMNS[table])
            for name, kind in COLUMNS[table].items():
                assert found[name] is None or isinstance(found[name], types[kind])
    assert [message["position"] for message in messages] == list(range(len(messages)))
