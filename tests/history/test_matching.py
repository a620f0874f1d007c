"""Picking conversations out of an export."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dot_provider.api.errors import DotProtocolError
from dot_provider.history.matching import digest, matching_chats

GOOD = {"chat_id": "good", "messages": [{"role": "user", "content": "q", "feedback": "positive"}], "labels": ["kpi"]}
BAD = {"chat_id": "bad", "messages": [{"role": "assistant", "content": "a", "feedback": {"rating": "Negative"}}]}
FLAT = {"conversation_id": "flat", "content": "a", "rating": "negative", "labels": "KPI"}


def _found(*records: Any, **wanted: Any) -> list[str]:
    return matching_chats(json.dumps(records).encode(), **wanted)


def test_without_a_wish_all_are_found() -> None:
    assert _found(GOOD, BAD, FLAT) == ["good", "bad", "flat"]


def test_feedback_stands_with_the_conversation_or_a_message_as_text_or_object() -> None:
    assert _found(GOOD, BAD, FLAT, feedback=["negative"]) == ["bad", "flat"]


def test_one_of_the_labels_is_enough_in_any_case_of_letters() -> None:
    assert _found(GOOD, BAD, FLAT, labels=["kpi", "other"]) == ["good", "flat"]
    assert _found(GOOD, BAD, FLAT, labels=["kpi"], feedback=["negative"]) == ["flat"]


def test_a_conversation_of_many_rows_is_found_once() -> None:
    assert _found(FLAT, {**FLAT, "content": "b"}) == ["flat"]


@pytest.mark.parametrize("document", [b'[{"chat_id"', b"7", b'{"a": 1}'])
def test_a_cut_export_is_an_error(document: bytes) -> None:
    with pytest.raises(DotProtocolError):
        matching_chats(document)


def test_digests_are_short_and_stable() -> None:
    assert digest("chat") == digest("chat") != digest("other")
    assert len(digest("chat")) == 12
