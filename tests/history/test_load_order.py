"""Exports that are loaded in another order than they were taken in: the newest state of a conversation stays."""

from __future__ import annotations

import logging
import os
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dot_provider.history import HistoryLoadError, HistoryWindow

from .conftest import Warehouse, conversation

NEW = conversation("a", "1", "2", "3", title="new", updated_at="2026-08-02T10:00:00Z")
OLD = conversation("a", "1", "2", title="old", updated_at="2026-08-02T09:00:00Z")


def _state(warehouse: Warehouse) -> list[Any]:
    conversations, messages = warehouse.rows()
    return [[row[1] for row in conversations], [row[3] for row in messages]]


def test_an_older_export_that_is_loaded_later_changes_nothing(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.load([NEW])
    before = warehouse.rows()
    caplog.set_level(logging.INFO)
    result = warehouse.load([OLD, conversation("b", "x")])
    assert warehouse.rows()[0][0] == before[0][0]
    assert warehouse.rows()[1][:3] == before[1]
    assert (result.conversations, result.new, result.changed, result.unchanged, result.stale) == (2, 1, 0, 1, 1)
    assert "1 conversations" in caplog.text
    noted = "new_conversations, changed_conversations, unchanged_conversations"
    assert warehouse.query(f"SELECT {noted} FROM dot._dot_loads ORDER BY loaded_at")[1] == (1, 0, 1)


@pytest.mark.parametrize("fields", [{"updated_at": "2026-08-02T10:00:00Z"}, {}, {"updated_at": "2026-08-03"}])
def test_a_copy_as_new_or_without_a_date_replaces_as_it_comes(warehouse: Warehouse, fields: dict[str, Any]) -> None:
    warehouse.load([NEW])
    assert warehouse.load([conversation("a", "1", title="later", **fields)]).stale == 0
    assert _state(warehouse) == [["later"], ["1"]]


def test_what_is_stored_without_a_date_is_replaced(warehouse: Warehouse) -> None:
    """Though its messages are younger than the copy that comes."""
    message = {"role": "user", "content": "1", "created_at": "2026-08-09"}
    warehouse.load([{"chat_id": "a", "messages": [message], "message_count": 1}])
    assert warehouse.load([OLD]).stale == 0
    assert _state(warehouse) == [["old"], ["1", "2"]]


def test_an_older_copy_leaves_a_conversation_deleted_that_is_marked_so(warehouse: Warehouse) -> None:
    window = HistoryWindow(date(2026, 7, 1), date(2026, 9, 1))
    began = {"created_at": "2026-08-02T08:00:00Z"}
    warehouse.load([{**NEW, **began}])
    assert warehouse.load([{**OLD, **began}], window=window, mark_deleted=True).deleted == 0
    assert warehouse.load([], window=window, mark_deleted=True).deleted == 1
    deleted = "SELECT COUNT(*) FROM dot.conversations WHERE deleted_at IS NOT NULL"
    assert warehouse.load([{**OLD, **began}]).stale == 1
    assert warehouse.query(deleted) == [(1,)]
    assert warehouse.load([{**NEW, **began}]).changed == 1
    assert warehouse.query(deleted) == [(0,)]


LATER: list[tuple[dict[str, Any], list[Any]]] = [
    ({"chat_id": "a", "title": "later"}, ["1", "2", "3"]),  # without its messages
    (conversation("a", "4", title="later", message_count=4), ["1", "2", "3", "4"]),
    (conversation("a", title="later"), []),
]


@pytest.mark.parametrize(("later", "texts"), LATER)
def test_the_rest_of_a_conversation_is_added_below_what_came_in_part(
    warehouse: Warehouse, later: dict[str, Any], texts: list[str]
) -> None:
    copies = [NEW, {**later, "updated_at": "2026-08-02T11:00:00Z"}]
    warehouse.load(copies[::-1][:1])
    for copy in (NEW, OLD, copies[1], NEW):
        warehouse.load([copy])
        assert sorted(_state(warehouse)[1]) == sorted(texts)
        assert _state(warehouse)[0] == ["later"]


def test_of_several_copies_in_one_export_none_older_than_a_whole_one_adds_to_it(duckdb_warehouse: Warehouse) -> None:
    part = {"chat_id": "a", "title": "part", "updated_at": "2026-08-02T11:00:00Z"}
    gone = conversation("a", "gone", message_count=2, updated_at="2026-08-02T08:00:00Z")
    for copies in permutations([part, NEW, gone]):
        duckdb_warehouse.load(copies)
        assert _state(duckdb_warehouse) == [["part"], ["1", "2", "3"]]


def test_a_part_that_another_load_stored_in_the_meantime_is_not_written_over(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.load([conversation("a", "4", message_count=4, updated_at="2026-08-02T11:00:00Z")])
    monkeypatch.setattr("dot_provider.history.load.chats_in_part", lambda warehouse: [])  # as when it looked too early
    with pytest.raises(HistoryLoadError) as caught:
        warehouse.load([NEW])
    assert caught.value.retryable
    assert _state(warehouse)[1] == ["4"]
    monkeypatch.undo()
    warehouse.load([NEW])
    assert sorted(_state(warehouse)[1]) == ["1", "2", "3", "4"]


def test_messages_of_one_time_keep_the_order_that_each_copy_has(duckdb_warehouse: Warehouse) -> None:
    one, two, three = ({"role": "user", "content": text, "created_at": "2026-08-01"} for text in ("1", "2", "3"))
    copies = [
        {"chat_id": "a", "updated_at": f"2026-08-0{day}T12:00:00Z", "message_count": count, "messages": messages}
        for day, count, messages in ((1, 2, [one, two]), (2, 3, [two, three]), (3, 5, []))
    ]
    for number, order in enumerate(permutations(copies)):
        for copy in order:
            duckdb_warehouse.load([copy], dataset=f"order_{number}")
        stored = f"SELECT content FROM order_{number}.messages ORDER BY position"
        assert duckdb_warehouse.query(stored) == [("1",), ("2",), ("3",)]


@st.composite
def exports(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """Exports of conversations that go on: at each hour some got a title, some messages, and some come only in part."""
    taken: list[list[dict[str, Any]]] = []
    messages: dict[str, list[dict[str, Any]]] = {"a": [], "b": [], "c": []}
    for hour in range(draw(st.integers(2, 4))):
        export = []
        for chat_id, said in messages.items():
            for _ in range(draw(st.integers(0, 2))):
                said.append({"role": "user", "content": f"{chat_id}{len(said)}", "created_at": f"2026-08-0{hour + 1}"})
            first = draw(st.integers(0, len(said)))
            sent = said[first if draw(st.booleans()) else 0 :]
            record = {
                "chat_id": chat_id,
                "title": f"at {hour}",
                "updated_at": f"2026-08-0{hour + 1}T12:00:00Z",
                "message_count": len(said),
                "messages": sent,
            }
            if draw(st.booleans()):
                export.append(record)
        taken.append(export)
    return taken


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(taken=exports(), data=st.data())
@pytest.mark.parametrize("kind", ["duckdb", "postgres", "sqlite"])
def test_exports_in_any_order_any_number_of_times_end_in_the_same_rows(
    kind: str, taken: list[list[dict[str, Any]]], data: st.DataObject, request: pytest.FixtureRequest
) -> None:
    warehouse: Warehouse = request.getfixturevalue(f"{kind}_warehouse")
    found = []
    order = data.draw(st.permutations([*taken, *data.draw(st.lists(st.sampled_from(taken), max_size=2))]))
    for loads in (taken, order, [[record for export in order for record in export]]):
        dataset = "w" + os.urandom(4).hex()
        if kind == "sqlite":  # which has no datasets
            warehouse, dataset = Warehouse("sqlite", f"{warehouse.credentials}.{dataset}"), "dot"
        for export in loads:
            warehouse.load(export, dataset=dataset)
        found.append(warehouse.rows(dataset))
    assert found[1] == found[0]
    assert found[2] == found[0]
