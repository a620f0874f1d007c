from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.history.normalize import (
    chat_id_of,
    conversation_row,
    flat_message_rows,
    is_message,
    nested_message_rows,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = "chat_id title user labels feedback rating messages created_at updated_at message_count content role position id"
RECORD = st.dictionaries(st.sampled_from(KEYS.split()) | st.text(max_size=3), JSON)


def _conversation(**record: Any) -> dict[str, Any]:
    return conversation_row("c", record, "{}", nested_message_rows("c", record))


def _message(**record: Any) -> dict[str, Any]:
    return nested_message_rows("c", {"messages": [record]})[0]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"chat_id": "a", "id": 7}, "a"),
        ({"conversation_id": "a", "id": 7}, "a"),
        ({"id": 7}, "7"),
        ({"chat_id": " ", "id": ""}, None),
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
    ],
)
def test_times_come_in_many_forms(value: Any) -> None:
    assert _message(created_at=value)["created_at"] == datetime(2026, 8, 1, 10, tzinfo=timezone.utc)


@pytest.mark.parametrize("value", ["soon", "", True, {}, 1e300, "9" * 30, "2026-13-01"])
def test_a_time_that_cannot_be_read_is_unknown(value: Any) -> None:
    assert _message(created_at=value)["created_at"] is None


def test_a_conversation_without_times_has_those_of_its_messages() -> None:
    row = _conversation(messages=[{"created_at": 1785578400}, {"created_at": 1785578500}])
    assert (row["created_at"].second, row["updated_at"].minute) == (0, 1)


@pytest.mark.parametrize(
    "author", [{"author": "me@x.y"}, {"user": {"email": "me@x.y", "id": 1}}, {"user_email": "me@x.y"}]
)
def test_the_author_has_many_names(author: dict[str, Any]) -> None:
    assert _conversation(**author)["author"] == "me@x.y"


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


def _flat(*records: dict[str, Any]) -> list[tuple[int, str]]:
    return [(row["position"], row["content"]) for row in flat_message_rows("c", [(r, "{}") for r in records])]


def test_flat_rows_keep_their_order_without_times() -> None:
    assert _flat({"content": "a"}, {"content": "b"}) == [(0, "a"), (1, "b")]


def test_flat_rows_are_ordered_by_position_then_time() -> None:
    later, earlier = {"content": "b", "created_at": 20_000_000_00}, {"content": "a", "created_at": 10_000_000_00}
    assert _flat(later, earlier) == [(0, "a"), (1, "b")]
    assert _flat({"content": "z", "position": 2}, {"content": "y", "position": 1}) == [(0, "y"), (1, "z")]


def test_a_flat_row_that_comes_twice_counts_as_it_came_last() -> None:
    assert _flat({"id": "m1", "content": "old"}, {"id": "m2", "content": "x"}, {"id": "m1", "content": "new"}) == [
        (0, "new"),
        (1, "x"),
    ]


@given(record=RECORD)
def test_no_record_is_too_odd_for_a_row(record: dict[str, Any]) -> None:
    """Whatever the types, the rows have the types of the tables."""
    rows = nested_message_rows("c", record) + flat_message_rows("c", [(record, "{}")])
    row = conversation_row("c", record, "{}", rows)
    assert isinstance(row["message_count"], int)
    for found in [row, *rows]:
        for name, value in found.items():
            if name.endswith("_at"):
                assert value is None or value.tzinfo is not None
            elif name not in ("position", "message_count"):
                assert value is None or isinstance(value, str)
    assert [r["position"] for r in nested_message_rows("c", record)] == list(range(len(rows) - 1))
