"""Starting DAGs on new conversations."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.execution_time.context import AssetStateStoreAccessors

from dot_provider.api import DotClient
from dot_provider.api.errors import DotUsageError
from dot_provider.triggers import DotConversationsTrigger
from tests.clock import FakeClock
from tests.raw_server import Connection, RawServer


class Store:
    """The asset's state store, as the triggerer injects it: values go through JSON."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return json.loads(self.values[key]) if key in self.values else default

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = json.dumps(value)


def _trigger(store: Any = None, **arguments: Any) -> DotConversationsTrigger:
    trigger = DotConversationsTrigger(**{"poll_interval": 0.05, **arguments})
    trigger.asset_state_store = store
    return trigger


def _ask(dot: Any, *chat_ids: str, label: str | None = None) -> None:
    with DotClient(dot.token, dot.base_url, clock=FakeClock()) as client:
        for chat_id in chat_ids:
            client.ask("How many orders?", chat_id=chat_id)
            if label:
                client.add_labels(chat_id, [label])


async def _polls(dot: Any, more: int) -> None:
    """Wait until the trigger has looked ``more`` times from now on."""
    until = sum(r.path == "/api/export_history" and r.status == 200 for r in dot.requests) + more
    while sum(r.path == "/api/export_history" and r.status == 200 for r in dot.requests) < until:
        await asyncio.sleep(0.02)


async def _next_event(events: Any) -> dict[str, Any]:
    return (await asyncio.wait_for(anext(events), 20)).payload


async def test_reports_what_is_new_once(sandbox: Any) -> None:
    dot = sandbox()
    _ask(dot, "old")
    events = _trigger(Store()).run()
    waiting = asyncio.create_task(_next_event(events))
    await _polls(dot, 2)
    await asyncio.to_thread(_ask, dot, "new")
    assert await waiting == {"version": 1, "count": 1, "chat_ids": ["new"]}
    waiting = asyncio.create_task(_next_event(events))
    await _polls(dot, 2)
    await asyncio.to_thread(_ask, dot, "newer")
    assert (await waiting)["chat_ids"] == ["newer"]
    await events.aclose()


async def test_a_restarted_triggerer_reports_what_came_in_the_meantime(sandbox: Any) -> None:
    dot, store = sandbox(), Store()
    _ask(dot, "old")
    before = asyncio.create_task(_next_event(_trigger(store).run()))
    await _polls(dot, 2)
    before.cancel()
    _ask(dot, "meanwhile")
    events = _trigger(store).run()
    assert (await _next_event(events))["chat_ids"] == ["meanwhile"]
    await events.aclose()


async def test_an_event_that_airflow_may_not_have_written_down_is_repeated_after_a_crash(sandbox: Any) -> None:
    """The triggerer goes on with the trigger at once, and writes its event into the database a moment later."""
    dot, store = sandbox(), Store()
    reported: list[list[str]] = []

    async def triggerer() -> None:
        async for event in _trigger(store).run():
            reported.append(event.payload["chat_ids"])

    crashing = asyncio.create_task(triggerer())
    await _polls(dot, 2)
    await asyncio.to_thread(_ask, dot, "new")
    while not reported:
        await asyncio.sleep(0)
    crashing.cancel()
    next_one = asyncio.create_task(triggerer())
    while len(reported) < 2:
        await asyncio.sleep(0)
    await _polls(dot, 2)
    next_one.cancel()
    assert reported == [["new"], ["new"]]


async def test_a_conversation_is_reported_when_it_comes_to_match(sandbox: Any) -> None:
    dot = sandbox()
    _ask(dot, "chat")
    events = _trigger(Store(), labels=["urgent"]).run()
    waiting = asyncio.create_task(_next_event(events))
    await _polls(dot, 2)
    with DotClient(dot.token, dot.base_url) as client:
        await asyncio.to_thread(client.add_labels, "chat", ["urgent"])
    assert (await waiting)["chat_ids"] == ["chat"]
    await events.aclose()


async def test_outlives_refusals_without_hammering(sandbox: Any) -> None:
    dot = sandbox()
    dot.fail_next("/export_history", status=401, times=2)
    events = _trigger(Store()).run()
    waiting = asyncio.create_task(_next_event(events))
    await _polls(dot, 1)
    await asyncio.to_thread(_ask, dot, "new")
    assert (await waiting)["chat_ids"] == ["new"]
    await events.aclose()


async def test_works_without_a_state_store(sandbox: Any) -> None:
    """Airflow before 3.3 has none."""
    dot = sandbox()
    events = _trigger(None).run()
    waiting = asyncio.create_task(_next_event(events))
    await _polls(dot, 1)
    await asyncio.to_thread(_ask, dot, "new")
    assert (await waiting)["chat_ids"] == ["new"]
    await events.aclose()


async def test_works_where_airflow_cannot_tell_which_assets_state_is_meant(sandbox: Any) -> None:
    """Airflow makes one trigger of equal ones that watch several assets."""
    dot = sandbox()
    several = AssetStateStoreAccessors(inlets=[Asset("one"), Asset("other")])
    events = _trigger(several).run()
    waiting = asyncio.create_task(_next_event(events))
    await _polls(dot, 1)
    await asyncio.to_thread(_ask, dot, "new")
    assert (await waiting)["chat_ids"] == ["new"]
    await events.aclose()


def test_airflow_recognizes_it_by_what_it_stores() -> None:
    path, kwargs = DotConversationsTrigger(feedback=("negative",)).serialize()
    assert DotConversationsTrigger(**json.loads(json.dumps(kwargs))).serialize() == (path, kwargs)
    assert path == f"{DotConversationsTrigger.__module__}.{DotConversationsTrigger.__name__}"


def test_one_text_is_not_taken_for_a_list() -> None:
    with pytest.raises(DotUsageError, match="feedback must be a list of texts"):
        DotConversationsTrigger(feedback="negative")


def test_the_interval_may_be_a_timedelta_which_airflow_stores_in_seconds() -> None:
    _, kwargs = DotConversationsTrigger(poll_interval=timedelta(minutes=5)).serialize()
    assert kwargs["poll_interval"] == 300


EXPORTS = [
    b'[{"chat_id": "old"}]',
    b'[{"chat_id": "old"}, {"chat_id": "n", "rating": NaN, "messages": [{"rating": NaN}]}, {"chat_id": "new"}, 7, '
    b'{"chat_id": "deep", "d": '
    + b"[" * 3000
    + b"]" * 3000
    + b'}, {"chat_id": "text", "rating": "'
    + b"[" * 5000
    + b'"}]',
]


async def test_a_record_that_cannot_be_read_is_told_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(connection: Connection) -> None:
        body = EXPORTS[min(len(server.requests), 2) - 1]
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
        connection.send(head.encode() + b"\r\n\r\n" + body)

    with RawServer(answer) as server:
        conn = {"conn_type": "dot", "host": server.url, "password": "t0ken"}
        monkeypatch.setenv("AIRFLOW_CONN_DOT_DEFAULT", json.dumps(conn))
        events = _trigger(Store()).run()
        assert (await _next_event(events))["chat_ids"] == ["n", "new", "text"]
        await events.aclose()
    assert "2 records of Dot's history cannot be read" in caplog.text
    assert "record 4 is nested too deeply" in caplog.text
