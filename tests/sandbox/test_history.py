"""The history export: what it selects, and that it is made while it is sent."""

from __future__ import annotations

import json
import tracemalloc
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.history import PastConversations, day_start, export_pieces
from dot_provider.sandbox.settings import Settings
from dot_provider.sandbox.workspace import Workspace
from tests.sandbox.api import Api

UNTIL = date(2026, 6, 30)


def exported(start: str = "2025-01-01", end: str = "2027-01-01", **switches: Any) -> Any:
    settings = Settings(**{"history": 60, "history_days": 30, "history_until": UNTIL, **switches})
    return json.loads("".join(export_pieces(Workspace(settings), day_start(start), day_start(end), False)))


def test_the_past_is_the_same_for_the_same_seed() -> None:
    assert exported() == exported()
    assert exported(seed=1) != exported(seed=2)


def test_the_past_lies_in_the_days_asked_for() -> None:
    days = sorted({record["created_at"][:10] for record in exported(history=500)})
    assert days[0] >= "2026-06-01"
    assert days[-1] == "2026-06-30"
    assert len(days) == 30


def test_a_record_has_author_counts_labels_and_messages() -> None:
    records = exported(history=300)
    assert len({record["chat_id"] for record in records}) == 300
    assert all(record["number_of_messages"] == len(record["messages"]) for record in records)
    assert all(record["author"].endswith("@sandbox.example") for record in records)
    assert {label for record in records for label in record["labels"]}
    assert {m["feedback"]["rating"] for r in records for m in r["messages"] if "feedback" in m} == {
        "positive",
        "negative",
    }


def test_an_inclusive_end_holds_its_day() -> None:
    last_day = [r for r in exported(history=300) if r["created_at"].startswith("2026-06-30")]
    assert last_day
    assert exported("2026-06-30", "2026-06-30", history=300) == last_day


def test_what_was_asked_of_the_sandbox_is_exported_with_its_labels() -> None:
    with Sandbox(history=5) as dot:
        api = Api(dot)
        api.ask("How many orders?")
        api.post("/add_label_to_chat", {"chat_id": "chat", "labels": ["weekly"]})
        records = {record["chat_id"]: record for record in api.get("/export_history").json()}
    assert records["chat"]["labels"] == ["weekly"]
    assert records["chat"]["title"] == "How many orders?"


def test_a_past_conversation_can_be_read_and_labelled() -> None:
    with Sandbox(history=5) as dot:
        api = Api(dot)
        everything = {"start_date": "2000-01-01", "end_date": "2100-01-01"}
        chat_id = api.get("/export_history", params=everything).json()[0]["chat_id"]
        assert api.read(chat_id)[0]["role"] == "user"
        api.post("/add_label_to_chat", {"chat_id": chat_id, "labels": ["checked"]})
        assert "checked" in api.get("/export_history", params=everything).json()[0]["labels"]


def test_the_default_window_is_two_weeks_until_tomorrow() -> None:
    with Sandbox(history=300, history_days=60) as dot:
        found = {record["created_at"][:10] for record in Api(dot).get("/export_history").json()}
    earliest = (datetime.now(timezone.utc) - timedelta(days=15)).date().isoformat()
    assert found
    assert min(found) >= earliest


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "2026/01/01"])
def test_a_date_in_another_form_is_422(day: str) -> None:
    with Sandbox() as dot:
        response = Api(dot).get("/export_history", params={"start_date": day})
    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["query", "start_date"]


def test_past_conversations_are_made_while_they_are_sent() -> None:
    """Neither at the start nor during the export are they all in memory."""
    tracemalloc.start()
    try:
        workspace = Workspace(Settings(history=3_000, history_until=UNTIL))
        pieces = export_pieces(workspace, day_start("2000-01-01"), day_start("2100-01-01"), False)
        sent = sum(len(piece) for piece in pieces)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent > 4_000_000
    assert peak < 2_500_000


def test_ids_are_found_again() -> None:
    past = PastConversations(Settings(history=50, history_until=UNTIL))
    records = [past.record(number) for number in range(50)]
    assert [past.record_of(record["chat_id"]) for record in records] == records
    assert past.record_of("none") is None
