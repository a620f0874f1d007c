"""What an on-call engineer reads: one INFO line per business event, requests at DEBUG without their URLs."""

from __future__ import annotations

import logging

import pytest

from dot_provider.api import DotAnswerFailedError, DotPermissionError
from dot_provider.api._core.call import Flow, gather, send
from dot_provider.api.connections import sync
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock


@pytest.fixture(autouse=True)
def _at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dot_provider")


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == level and r.name.startswith("dot_provider")]


def test_a_sync_is_one_line(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    connect(dot.base_url).sync("dbt", "shop")

    assert lines(caplog) == ["Synced dbt/shop"]


def test_a_call_sent_by_hand_is_the_same_line(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    connect(dot.base_url).send(sync("dbt", "shop"))

    assert lines(caplog) == ["Synced dbt/shop"]


def test_calls_within_a_flow_are_a_line_each(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    def three() -> Flow[None]:
        yield from send(sync("dbt", "shop"))
        yield from gather([sync("dbt", "shop"), sync("dbt", "other")], concurrency=1)

    told: list[str] = []
    connect(dot.base_url).run(three(), report=told.append)

    assert told == ["Synced dbt/shop", "Synced dbt/shop", "Synced dbt/other"]
    assert lines(caplog) == []


def test_a_question_is_one_line_when_asked_and_one_when_answered(
    connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    connect(dot.base_url).ask("How many orders?", "chat-1")

    link = f"{dot.base_url}/?c=chat-1"
    assert lines(caplog) == [
        f"Asking in {link}: How many orders?",
        f"Answered after 0 s with 1 table and 1 chart: {link}",
    ]


def test_a_question_that_was_asked_before_is_one_line_when_attached(
    connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(dot.base_url)
    client.ask("How many orders?", "chat-1")
    caplog.clear()

    client.ask("How many orders?", "chat-1")

    link = f"{dot.base_url}/?c=chat-1"
    assert lines(caplog) == [
        f"Attached to the question already asked in {link}",
        f"Answered with 1 table and 1 chart: {link}",
    ]


def test_the_seconds_of_an_answer_are_those_since_it_was_asked(
    connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """What passes before the chat can be read counts, too: Dot often holds the post open until it has answered."""
    clock = FakeClock()
    dot.fail_next("/agentic", status=503)

    connect(dot.base_url, clock=clock).ask("How many orders?", "chat-1", look_for=0)

    assert lines(caplog)[-1].startswith(f"Answered after {sum(clock.waits):.0f} s")
    assert sum(clock.waits) > 10


def test_many_assets_are_one_line(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    assets = [{"id": str(number), "subtype": "looker_dashboard"} for number in range(20)]

    connect(dot.base_url).push_external_assets(assets)

    assert lines(caplog) == ["External assets: 20 sent"]


def test_reading_is_no_event(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    client = connect(dot.base_url)
    client.whoami()
    client.tables()

    assert lines(caplog) == []


def test_a_failed_call_is_no_event(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DotPermissionError):
        connect(dot.base_url, "dot-sandbox-user").sync("dbt", "shop")

    assert lines(caplog) == []


def test_a_failure_is_told_in_dots_own_words(connect: Connect, dot: Sandbox) -> None:
    with pytest.raises(DotAnswerFailedError, match="The sandbox was asked to fail this question"):
        connect(dot.base_url).ask("Revenue [fail]")


def test_requests_are_logged_at_debug_by_name(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    client = connect(dot.base_url)
    answer = client.ask("Orders per day", "chat-1")
    caplog.clear()

    client.download(answer.charts[0].png_url)
    client.export_history("2026-01-01", "2026-01-02")

    said = lines(caplog, logging.DEBUG)
    assert [line.rpartition(" in ")[0] for line in said] == [
        "download a file of an answer: 200",
        "export history 2026-01-01 to 2026-01-02: 200",
    ]


def test_a_retry_is_logged_with_its_reason(connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    dot.fail_next("/auth/me", status=503, detail="Deploying", retry_after=2)

    connect(dot.base_url).whoami()

    assert any("Deploying" in line and "again in 2.0 s" in line for line in lines(caplog, logging.DEBUG))


def test_a_report_function_gets_the_events_instead_of_the_log(
    connect: Connect, dot: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    from dot_provider.api.push import push_external_assets

    told: list[str] = []
    connect(dot.base_url).run(push_external_assets([{"id": "1", "subtype": "x"}]), report=told.append)

    assert told == ["External assets: 1 sent"]
    assert lines(caplog) == []
