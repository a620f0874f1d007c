from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dot_provider.api.errors import DotProtocolError
from dot_provider.history.stage import REPORTED, Stage

from .conftest import conversation


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    found = Stage(tmp_path)
    yield found
    found.close()


def _texts(stage: Stage) -> dict[str, list[str]]:
    return {row["chat_id"]: [message["content"] for message in messages] for row, messages in stage.conversations()}


def test_a_conversation_that_comes_twice_counts_as_it_came_last(stage: Stage) -> None:
    stage.add_all([conversation("a", "1", "2", "3"), conversation("b", "x"), conversation("a", "4")])
    assert _texts(stage) == {"a": ["4"], "b": ["x"]}


def test_flat_rows_of_one_conversation_belong_together_wherever_they_stand(stage: Stage) -> None:
    rows = [{"chat_id": c, "role": "user", "content": t} for c, t in [("a", "1"), ("b", "x"), ("a", "2")]]
    stage.add_all(rows)
    assert _texts(stage) == {"a": ["1", "2"], "b": ["x"]}


def test_a_conversation_and_its_flat_rows_become_one(stage: Stage) -> None:
    stage.add_all([{"chat_id": "a", "role": "user", "content": "1"}, {"chat_id": "a", "title": "t", "user": "me"}])
    [(row, messages)] = stage.conversations()
    assert (row["title"], row["message_count"], messages[0]["content"]) == ("t", 1, "1")


def test_raw_is_the_whole_record(stage: Stage) -> None:
    record = conversation("a", "1", novelty={"deep": [1, None]})
    stage.add_all([record])
    [(row, _)] = stage.conversations()
    assert json.loads(row["raw"]) == record


def test_records_without_an_id_are_counted_and_named(stage: Stage) -> None:
    stage.add_all([conversation("a"), {"title": "no id"}, "text", None])
    assert (stage.received, stage.rejected) == (4, 3)
    assert stage.rejections[0] == "record 1 has no chat_id, conversation_id or id"


def test_the_report_of_rejected_records_is_bounded(stage: Stage) -> None:
    stage.add_all([conversation("a"), *({} for _ in range(100))])
    assert (stage.rejected, len(stage.rejections)) == (100, REPORTED)


def test_an_export_in_which_nothing_has_an_id_is_an_error(stage: Stage) -> None:
    with pytest.raises(DotProtocolError, match="None of the 2 records"):
        stage.add_all([{"a": 1}, {"b": 2}])


def test_a_record_nested_beyond_reason_is_rejected(stage: Stage) -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    stage.add_all([conversation("a"), {"chat_id": "b", "x": deep}])
    assert (stage.rejected, list(_texts(stage))) == (1, ["a"])


def test_replaced_characters_are_counted_once(stage: Stage) -> None:
    stage.add_all([conversation("a", "x\x00y\ud83d")])
    assert stage.cleaned_characters == 2
    assert _texts(stage) == {"a": ["x\ufffdy\ufffd"]}
