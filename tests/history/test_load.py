from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_mock import MockerFixture

from dot_provider import __version__
from dot_provider.api.errors import DotConfigError, DotProtocolError, DotUnreachableError, DotUsageError
from dot_provider.history import HistoryWindow, load_history
from dot_provider.history.fast_staging import DuckDbWarehouse
from dot_provider.history.load_errors import HistoryLoadError

from .conftest import Warehouse, conversation

EXPORT = [
    conversation(
        "a",
        'say "hi",\n\\ 😀 שלום',
        "",
        title="Revenue",
        user={"email": "me@example.com"},
        labels=["q1", "kpi"],
        rating=5,
        created_at="2026-08-01T10:00:00Z",
        updated_at=1785578460,
        novelty={"x": 1},
    ),
    conversation("b"),
]


def test_both_tables_hold_the_export(warehouse: Warehouse) -> None:
    window = HistoryWindow(date(2026, 8, 1), date(2026, 8, 2))
    result = warehouse.load(json.dumps({"conversations": EXPORT}).encode(), window=window)
    assert (result.conversations, result.messages, result.rejected, result.window) == (2, 2, 0, window)
    schema = "main" if warehouse.destination == "sqlite" else "dot"
    assert result.tables == (f"{schema}.conversations", f"{schema}.messages")
    (a, b), messages = warehouse.rows()
    ten = datetime(2026, 8, 1, 10, tzinfo=timezone.utc)
    assert a[:-1] == (
        "a",
        "Revenue",
        "me@example.com",
        '["q1","kpi"]',
        None,
        "5",
        2,
        ten,
        ten.replace(minute=1),
    )
    assert json.loads(a[-1]) == {name: value for name, value in EXPORT[0].items() if name != "messages"}
    assert b[:-1] == ("b", None, None, None, None, None, 0, None, None)
    assert json.loads(b[-1]) == {"chat_id": "b"}
    assert [m[:4] for m in messages] == [("a", 0, "user", 'say "hi",\n\\ 😀 שלום'), ("a", 1, "assistant", None)]
    assert json.loads(messages[0][-1]) == EXPORT[0]["messages"][0]


def test_the_same_export_twice_gives_the_same_rows(warehouse: Warehouse) -> None:
    warehouse.load(EXPORT)
    before = warehouse.rows()
    warehouse.load(EXPORT)
    assert warehouse.rows() == before


@pytest.mark.parametrize("left", [3, 0])
def test_a_conversation_that_lost_messages_has_lost_them_here(warehouse: Warehouse, left: int) -> None:
    warehouse.load([conversation("a", *"12345"), conversation("b", "x")])
    warehouse.load([conversation("a", *"67890"[:left], title="new")])
    conversations, messages = warehouse.rows()
    assert [row[:2] for row in conversations] == [("a", "new"), ("b", None)]
    assert [row[3] for row in messages] == [*"67890"[:left], "x"]


def test_an_empty_export_makes_the_tables(warehouse: Warehouse) -> None:
    result = warehouse.load([])
    assert (result.conversations, result.messages) == (0, 0)
    assert warehouse.rows() == ([], [])


def test_nothing_is_left_behind(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No staging schema in the warehouse, no file on this machine, no dlt state."""
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    temporary.mkdir()
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("DLT_DATA_DIR", str(home))
    warehouse.load(EXPORT)
    assert warehouse.schemas() == {"dot"}
    assert list(temporary.iterdir()) == []
    assert [found for found in home.rglob("*") if found.is_file()] == []
    assert warehouse.tables() == {"conversations", "messages", "_dot_loads", "_dlt_loads", "_dlt_version"}


def test_a_completed_load_is_noted_where_dlt_users_look_for_it(warehouse: Warehouse) -> None:
    warehouse.load(EXPORT)
    warehouse.load(EXPORT)
    assert warehouse.query("SELECT status FROM dot._dlt_loads") == [(0,), (0,)]


def test_a_dropped_table_is_made_again(warehouse: Warehouse) -> None:
    warehouse.load(EXPORT)
    warehouse.execute("DROP TABLE dot.messages")
    warehouse.load(EXPORT)
    assert len(warehouse.rows()[1]) == 2


def test_the_type_of_a_field_may_change(warehouse: Warehouse) -> None:
    values: list[Any] = [5, "good", {"stars": 3}, [1.5, None], 10**30]
    fields = ("rating", "title", "labels", "created_at", "message_count", "user", "feedback")
    for value in values:
        warehouse.load([conversation("a", "x", **dict.fromkeys(fields, value))])
    assert len(warehouse.rows()[0]) == 1


def test_unstorable_characters_are_replaced_and_counted(warehouse: Warehouse) -> None:
    result = warehouse.load(b'[{"chat_id": "a", "messages": [{"content": "x\\u0000y\\ud83dz"}]}]')
    assert result.cleaned_characters == 2
    assert warehouse.rows()[1][0][3] == "x\ufffdy\ufffdz"


def test_a_message_of_a_megabyte_arrives_whole(warehouse: Warehouse) -> None:
    text = "0123456789é" * 100_000
    warehouse.load([conversation("a", text)])
    assert warehouse.rows()[1][0][3] == text


def test_duckdb_takes_more_memory_for_long_texts_and_only_for_those(duckdb_warehouse: Warehouse) -> None:
    long = "0123456789" * 2_000_000
    chat = conversation("a", long, long, message_count=3)
    duckdb_warehouse.load([chat, conversation("b", "x")])
    duckdb_warehouse.load([conversation("a", "and", message_count=3)])  # what is stored is read for it
    duckdb_warehouse.load([chat])
    assert duckdb_warehouse.query("SELECT chat_id, length(content) FROM dot.messages ORDER BY ALL") == [
        ("a", 3),
        ("a", len(long)),
        ("a", len(long)),
        ("b", 1),
    ]
    own = {"database": duckdb_warehouse.credentials, "global_config": {"memory_limit": "64MB"}}
    with pytest.raises(HistoryLoadError, match="memory_limit"):
        load_history([conversation("c", long, long)], destination="duckdb", credentials=own)


def test_records_without_an_id_are_reported(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    result = warehouse.load([conversation("a", "x"), {"title": "secret words"}], max_bad_records=1)
    assert (result.conversations, result.rejected, len(result.rejections)) == (1, 1, 1)
    assert "record 1 has no chat_id" in caplog.text
    assert "secret words" not in caplog.text


def test_what_cannot_be_read_is_told(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    answer = {"role": "assistant", "content": "x", "credits": "secret words", "created": {"$date": "secret words"}}
    export = [conversation("a", "x"), {"chat_id": "b", "messages": [answer, answer, "secret words", 17]}]
    result = warehouse.load(export)
    expected = {"messages.created_at": 2, "messages.credits": 2, "conversations.messages": 2}
    assert result.unreadable == expected
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert all(f"{column} ({count}, " in warning for column, count in expected.items())
    assert "'b'" in warning
    assert "secret words" not in caplog.text
    warehouse.load([conversation("a", "x")])
    noted = warehouse.query("SELECT unreadable FROM dot._dot_loads ORDER BY loaded_at")
    assert [json.loads(text) for (text,) in noted] == [expected, {}]
    assert [row[3] for row in warehouse.rows()[1]] == ["x", "x", "x"]


def test_a_column_that_an_older_version_did_not_note_is_added_and_rows_stay(warehouse: Warehouse) -> None:
    warehouse.load(EXPORT)
    warehouse.execute("ALTER TABLE dot._dot_loads DROP COLUMN unreadable")
    assert warehouse.load(EXPORT).unchanged == 2
    noted = warehouse.query("SELECT unreadable FROM dot._dot_loads ORDER BY loaded_at")
    assert noted == [(None,), ("{}",)]


def test_more_bad_records_than_the_caller_allows_load_nothing(warehouse: Warehouse) -> None:
    warehouse.load([conversation("a", "x")])
    before = warehouse.rows()
    with pytest.raises(DotProtocolError) as caught:
        warehouse.load([conversation("a", "y"), {"title": "secret words"}, {}], max_bad_records=1)
    assert "record 1" in str(caught.value)
    assert "secret words" not in str(caught.value)
    assert warehouse.rows() == before


def test_rows_that_did_not_change_are_not_written(warehouse: Warehouse) -> None:
    first = warehouse.load([conversation("a", "x"), conversation("b", "x", "y")])
    at = warehouse.query("SELECT loaded_at FROM dot.conversations WHERE chat_id = 'a'")
    second = warehouse.load([conversation("a", "x"), conversation("b", "x"), conversation("c")])
    assert (first.new, first.changed, first.unchanged) == (2, 0, 0)
    assert (second.new, second.changed, second.unchanged) == (1, 1, 1)
    assert warehouse.query("SELECT loaded_at FROM dot.conversations WHERE chat_id = 'a'") == at


def test_rows_that_somebody_removed_come_back(warehouse: Warehouse) -> None:
    warehouse.load(EXPORT)
    before = warehouse.rows()
    warehouse.execute("DELETE FROM dot.messages WHERE position = 1")
    assert warehouse.load(EXPORT).changed == 1
    assert warehouse.rows() == before


def test_a_column_that_somebody_dropped_is_made_and_filled_again(warehouse: Warehouse) -> None:
    warehouse.load(EXPORT)
    before = warehouse.rows()
    warehouse.execute("ALTER TABLE dot.messages DROP COLUMN content")
    warehouse.load(EXPORT)
    assert warehouse.rows() == before


def _day(day: int, *texts: str, **fields: Any) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": text, "created_at": f"2026-08-0{day}T0{n}:00:00Z"} for n, text in enumerate(texts)
    ]
    return {"chat_id": "a", "title": f"day {day}", "messages": messages, **fields}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize(
    "fields",
    [{"number_of_messages": 4}, {"created_at": "2026-08-01T00:00:00Z", "updated_at": "2026-08-02T01:00:00Z"}],
)
def test_a_conversation_that_dot_cuts_by_day_keeps_all_messages(
    warehouse: Warehouse, order: tuple[int, int], fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for day in order:
        result = warehouse.load([_day(day, f"{day}a", f"{day}b", **fields)])
        assert result.partial == 1
        warehouse.load([_day(day, f"{day}a", f"{day}b", **fields)])
    assert [row[1:4] for row in warehouse.rows()[1]] == [(n, "user", t) for n, t in enumerate(["1a", "1b", "2a", "2b"])]
    assert "without all their messages" in caplog.text
    warehouse.load([_day(1, "new", number_of_messages=1)])
    assert [row[3] for row in warehouse.rows()[1]] == ["new"]


@pytest.mark.parametrize("record", [{"chat_id": "a", "title": "t"}, {"chat_id": "a", "messages": [], "n_messages": 2}])
def test_a_conversation_without_its_messages_leaves_the_stored_ones(
    warehouse: Warehouse, record: dict[str, Any]
) -> None:
    warehouse.load([conversation("a", "1", "2", labels=["x"])])
    warehouse.load([record])
    (row,), messages = warehouse.rows()
    assert (row[1], row[3]) == (record.get("title"), '["x"]')
    assert [message[3] for message in messages] == ["1", "2"]


def _cut() -> Iterator[bytes]:
    yield json.dumps([conversation(str(n), "new") for n in range(500)]).encode()[:-10]


def _broken() -> Iterator[Any]:
    yield conversation("a", "new")
    raise DotUnreachableError("the connection broke", sent=True)


@pytest.mark.parametrize(
    ("source", "error"),
    [(_cut, DotProtocolError), (_broken, DotUnreachableError), (lambda: [{"no": "id"}], DotProtocolError)],
)
def test_an_export_that_does_not_come_whole_loads_nothing(
    duckdb_warehouse: Warehouse, source: Any, error: type[Exception]
) -> None:
    duckdb_warehouse.load([conversation("a", "old")])
    before = duckdb_warehouse.rows()
    with pytest.raises(error):
        duckdb_warehouse.load(source())
    assert duckdb_warehouse.rows() == before


def test_other_datasets_stay_apart(duckdb_warehouse: Warehouse) -> None:
    duckdb_warehouse.load([conversation("a", "x")], dataset="dot_airflow")
    duckdb_warehouse.load([conversation("b", "y")], dataset="dot_dagster")
    assert [row[0] for row in duckdb_warehouse.rows("dot_airflow")[0]] == ["a"]
    assert [row[0] for row in duckdb_warehouse.rows("dot_dagster")[0]] == ["b"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse("duckdb", str(tmp_path_factory.mktemp("shared") / "warehouse.duckdb"))


CHATS = [(day, conversation(f"c{day}", *(str(n) for n in range(day)))) for day in (1, 2, 2, 3, 4)]


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), inclusive=st.booleans(), lookback=st.integers(0, 2))
def test_windows_in_any_order_any_number_of_times_give_the_same_rows(
    shared: Warehouse, data: st.DataObject, inclusive: bool, lookback: int
) -> None:
    """Whether or not the server counts the last day in."""
    days = data.draw(st.permutations([day for day in (1, 2, 3, 4) for _ in range(data.draw(st.integers(1, 2)))]))
    dataset = "w" + os.urandom(4).hex()
    for day in days:
        last = day + 1 if inclusive else day
        shared.load([chat for at, chat in CHATS if day - lookback <= at <= last], dataset=dataset)
    shared.load([chat for _, chat in CHATS], dataset="whole")
    assert shared.rows(dataset) == shared.rows("whole")


def test_an_unknown_warehouse_is_refused_before_anything_is_read() -> None:
    with pytest.raises(DotConfigError, match="'oracle' is no supported warehouse; choose one of athena, bigquery"):
        load_history(_broken(), destination="oracle")


def test_dlt_sends_no_statistics_and_logs_no_rows(
    duckdb_warehouse: Warehouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "ERROR")
    before = dict(os.environ)

    def records() -> Iterator[Any]:
        yield conversation("a", "confidential words")

    seen: list[str] = []
    execute = DuckDbWarehouse._insert

    def insert(self: Any, statement: str, arrived: Any) -> None:
        seen.append(os.environ["RUNTIME__DLTHUB_TELEMETRY"])
        execute(self, statement, arrived)

    monkeypatch.setattr(DuckDbWarehouse, "_insert", insert)
    duckdb_warehouse.load(records())
    assert set(seen) == {"false"}
    assert dict(os.environ) == before
    assert "confidential words" not in caplog.text


def test_a_result_does_not_change(duckdb_warehouse: Warehouse) -> None:
    result = duckdb_warehouse.load([])
    with pytest.raises(FrozenInstanceError):
        result.messages = 1  # type: ignore[misc]


def test_the_tables_are_counted_where_the_caller_wants_to_know(warehouse: Warehouse) -> None:
    assert warehouse.load(EXPORT).table_rows is None
    assert warehouse.load([conversation("c", "hello")], count_tables=True).table_rows == {
        "conversations": 3,
        "messages": 3,
    }


def test_a_load_whose_tables_cannot_be_counted_is_none_the_worse(
    duckdb_warehouse: Warehouse, mocker: MockerFixture
) -> None:
    """Only a driver that breaks after the commit can show it."""
    from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

    execute = DuckDbSqlClient.execute_sql

    def breaking(self: Any, sql: Any, *args: Any, **kwargs: Any) -> Any:
        if str(sql).startswith("SELECT COUNT(*)") and "WHERE" not in sql and "temp." not in sql:
            raise ConnectionError("gone")
        return execute(self, sql, *args, **kwargs)

    mocker.patch.object(DuckDbSqlClient, "execute_sql", breaking)
    assert duckdb_warehouse.load(EXPORT, count_tables=True).table_rows is None
    assert len(duckdb_warehouse.rows()[0]) == 2


def test_each_load_leaves_a_row_that_proves_it(warehouse: Warehouse) -> None:
    window = HistoryWindow(date(2026, 8, 1), date(2026, 8, 2))
    export = json.dumps([*EXPORT, {"title": "no id"}, conversation("c", "x\x00", n_messages=9)]).encode()
    for _ in range(2):
        warehouse.load(export, window=window, max_bad_records=1)
    first, second = warehouse.query(
        "SELECT conversations, messages, new_conversations, changed_conversations, unchanged_conversations, "
        "deleted_conversations, partial_conversations, rejected_records, cleaned_characters, digest, version, "
        "window_start, latest_at FROM dot._dot_loads ORDER BY loaded_at"
    )
    assert first[:9] == (3, 3, 3, 0, 0, 0, 1, 1, 1)
    assert second[:9] == (3, 3, 0, 0, 3, 0, 1, 1, 1)
    assert first[9:11] == (hashlib.sha256(export).hexdigest(), __version__)
    assert first[11:] == (
        datetime(2026, 8, 1, tzinfo=timezone.utc),
        datetime(2026, 8, 1, 10, 1, tzinfo=timezone.utc),
    )
    [(load_id, seconds)] = warehouse.query("SELECT MAX(load_id), MAX(seconds) FROM dot._dot_loads")
    assert warehouse.query("SELECT MAX(load_id) FROM dot._dlt_loads") == [(load_id,)]
    assert seconds > 0


def _at(chat_id: str, created: str, updated: str = "") -> dict[str, Any]:
    return conversation(chat_id, "x", created_at=f"2026-08-{created}", **({"updated_at": updated} if updated else {}))


def test_conversations_that_did_not_come_again_are_marked_on_request(warehouse: Warehouse) -> None:
    window = HistoryWindow(date(2026, 8, 1), date(2026, 8, 8))
    kept, gone, edge = _at("kept", "03"), _at("gone", "04T10:00:00Z"), _at("edge", "01T05:00:00Z")
    stored = [kept, gone, edge, _at("later", "04", "2026-09-01")]
    warehouse.load(stored)
    assert warehouse.load(stored[:1], window=window).deleted == 0
    result = warehouse.load(stored[:1], window=window, mark_deleted=True)
    assert (result.deleted, result.unchanged) == (1, 1)
    assert warehouse.query("SELECT chat_id FROM dot.conversations WHERE deleted_at IS NOT NULL") == [("gone",)]
    assert warehouse.load(stored[:1], window=window, mark_deleted=True).deleted == 0
    assert warehouse.load(stored).changed == 1
    assert warehouse.query("SELECT chat_id FROM dot.conversations WHERE deleted_at IS NOT NULL") == []


def test_what_was_deleted_cannot_be_told_without_a_window() -> None:
    with pytest.raises(DotUsageError, match="window"):
        load_history([], destination="duckdb", credentials="x.duckdb", mark_deleted=True)


def test_a_table_of_somebody_else_is_told_and_stays_as_it_is(warehouse: Warehouse) -> None:
    warehouse.load([])
    warehouse.execute("DROP TABLE dot.messages")
    warehouse.execute("CREATE TABLE dot.messages (chat_id INTEGER, body VARCHAR(9), sent VARCHAR(9))")
    with pytest.raises(DotConfigError, match="messages"):
        warehouse.load(EXPORT)
    assert warehouse.query("SELECT * FROM dot.messages") == []
    assert warehouse.query("SELECT chat_id FROM dot.conversations") == []


def test_a_teams_own_column_survives(warehouse: Warehouse) -> None:
    warehouse.load(EXPORT)
    warehouse.execute("ALTER TABLE dot.conversations ADD COLUMN team VARCHAR(9)")
    warehouse.load([conversation("a", "changed")])
    assert warehouse.query("SELECT chat_id, team FROM dot.conversations ORDER BY 1") == [("a", None), ("b", None)]
