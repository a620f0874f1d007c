"""What both clients promise beyond single calls: side by side, shared settings, clean ends."""

from __future__ import annotations

import asyncio
import logging
import pickle
from datetime import timedelta
from typing import Any

import pytest

from dot_provider.api import (
    AsyncDotClient,
    DotClient,
    DotConfigError,
    DotError,
    DotNotFoundError,
    DotPermissionError,
    DotUsageError,
)
from dot_provider.api._core.call import Progress, gather
from dot_provider.api.client import report_progress
from dot_provider.api.connections import sync
from dot_provider.api.settings import server
from dot_provider.api.users import whoami
from dot_provider.sandbox import Sandbox
from tests.api.samples import TOKEN
from tests.both_clients import Connect
from tests.clock import FakeClock


def test_calls_sent_together_keep_their_order_and_their_errors(connect: Connect, dot: Sandbox) -> None:
    calls = [sync("dbt", "shop"), sync("dbt", "missing"), sync("dbt", "wine")]

    results = connect(dot.base_url).run(gather(calls, 2))

    assert [type(r).__name__ for r in results] == ["SyncResult", "DotNotFoundError", "SyncResult"]
    assert isinstance(results[1], DotNotFoundError)


@pytest.mark.parametrize("concurrency", [0, 1, 50])
def test_any_concurrency_will_do(connect: Connect, dot: Sandbox, concurrency: int) -> None:
    results = connect(dot.base_url).run(gather([whoami()] * 5, concurrency))

    assert [user.role for user in results] == ["admin"] * 5


def test_nothing_can_be_sent_together(connect: Connect, dot: Sandbox) -> None:
    assert connect(dot.base_url).run(gather([], 8)) == []


def test_another_environment_shares_the_connections(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url, environment="production-copy")

    client.client.in_environment(None)
    scoped = client.client.in_environment("env_1")

    assert scoped._transport is client.client._transport
    assert scoped.server.environment == "env_1"
    assert client.server.environment == "production-copy"


def test_a_client_shows_where_it_points_to_and_no_more(connect: Connect) -> None:
    assert repr(connect("https://dot.example.com", "secret").client).endswith("DotClient('https://dot.example.com')")


def test_closing_twice_does_no_harm(dot: Sandbox) -> None:
    with DotClient(dot.token, dot.base_url) as client:
        client.whoami()
        client.close()

    async def on_a_loop() -> None:
        async with AsyncDotClient(dot.token, dot.base_url) as client:
            await client.whoami()
            await client.close()

    asyncio.run(on_a_loop())


def test_clients_close_with_their_block(dot: Sandbox) -> None:
    with DotClient(dot.token, dot.base_url) as client:
        assert client.whoami().role == "admin"

    async def on_a_loop() -> str:
        async with AsyncDotClient(dot.token, dot.base_url) as client:
            return (await client.whoami()).role

    assert asyncio.run(on_a_loop()) == "admin"


def test_a_cancelled_question_ends_at_once_and_can_be_asked_again(dot: Sandbox) -> None:
    """A triggerer cancels what it moves elsewhere; the next one attaches."""

    async def cancel_then_ask() -> str:
        async with AsyncDotClient(dot.token, dot.base_url, clock=FakeClock()) as client:
            dot.fail_next("/agentic", effect=True, lose="hang")
            asking = asyncio.ensure_future(client.ask("How many orders?", "chat-1"))
            while not dot.conversations:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            return (await client.ask("How many orders?", "chat-1")).text

    assert asyncio.run(cancel_then_ask())
    assert dot.conversations["chat-1"].posts == 1


@pytest.mark.slow
def test_a_thousand_waiting_questions_are_polled_from_one_loop() -> None:
    """How late the loop gets is measured in ``benchmarks``."""
    with Sandbox(answer_polls=2, hold_requests=False) as dot:

        async def wait_for_all() -> list[str]:
            async with AsyncDotClient(dot.token, dot.base_url) as client:
                asking = (client.ask("How many orders?", f"chat-{n}", poll_interval=0.05) for n in range(1000))
                return [answer.chat_id for answer in await asyncio.gather(*asking)]

        assert asyncio.run(wait_for_all()) == [f"chat-{n}" for n in range(1000)]
        assert sum(c.posts for c in dot.conversations.values()) == 1000


def test_an_error_of_one_call_does_not_harm_the_next(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url, "dot-sandbox-user")
    with pytest.raises(DotPermissionError):
        client.sync("dbt", "shop")

    assert client.whoami().role == "user"


def test_many_questions_at_once_do_not_mix_up_their_answers(connect: Connect, dot: Sandbox) -> None:
    work = [(f"How many orders in store {n}?", f"chat-{n}") for n in range(40)]

    answers = connect(dot.base_url).at_once("ask", work, concurrency=20)

    assert not [a for a in answers if isinstance(a, DotError)]
    assert [(a.question, a.chat_id) for a in answers] == work


def test_every_time_to_wait_may_be_a_timedelta(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url, timeout=timedelta(seconds=30))
    times = {"timeout": timedelta(minutes=1), "poll_interval": timedelta(seconds=1)}

    assert client.server.timeout == 30
    assert client.ask("How many orders?", "chat", **times).text
    assert client.follow_up("Why?", "chat", **times).text
    assert client.run_evaluation("finance", **times).ok


def test_a_time_to_wait_that_is_none_is_refused_before_anything_is_sent(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)

    for call in (lambda: client.ask("Why?", timeout="1h"), lambda: client.run_evaluation("finance", poll_interval=0)):
        with pytest.raises(DotUsageError, match="must be a number of seconds above 0"):
            call()
    assert dot.requests == []


both_kinds = pytest.mark.parametrize("kind", [DotClient, AsyncDotClient])


@both_kinds
def test_a_client_is_made_from_settings_or_from_checked_ones(kind: Any) -> None:
    settings = server(token=TOKEN, base_url="https://dot.example", environment="env_1", timeout=7)
    assert kind(TOKEN, "https://dot.example", "env_1", 7).server == settings
    assert kind.for_server(settings, FakeClock()).server is settings


@both_kinds
def test_a_client_shows_where_it_sends_and_nothing_secret(kind: Any) -> None:
    for client in (kind(TOKEN), kind(username="me", password=TOKEN), kind(TOKEN, url_auth_user="me@shop.example")):
        assert repr(client) == f"{kind.__name__}('https://app.getdot.ai')"


@both_kinds
def test_a_client_without_a_token_is_refused_when_it_is_made(kind: Any) -> None:
    with pytest.raises(DotConfigError, match="No Dot API token"):
        kind()


@both_kinds
def test_a_scoped_client_shares_connections_and_leaves_the_other_as_it_is(kind: Any) -> None:
    client = kind(TOKEN, environment="env_1")
    scoped = client.in_environment(None)
    assert type(scoped) is kind
    assert (client.server.environment, scoped.server.environment) == ("env_1", None)
    assert scoped._transport is client._transport


@pytest.mark.parametrize(("event", "level"), [(True, logging.INFO), (False, logging.DEBUG)])
def test_progress_goes_to_the_log(caplog: pytest.LogCaptureFixture, event: bool, level: int) -> None:
    caplog.set_level(logging.DEBUG, "dot_provider")
    report_progress(Progress("100 % done", event), None)
    assert caplog.record_tuples == [("dot_provider", level, "100 % done")]


def test_events_go_to_the_caller_where_one_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dot_provider")
    heard: list[str] = []
    report_progress(Progress("Synced"), heard.append)
    report_progress(Progress("detail", event=False), heard.append)
    assert heard == ["Synced"]
    assert caplog.record_tuples == [("dot_provider", logging.DEBUG, "detail")]


@pytest.mark.parametrize("client", [DotClient, AsyncDotClient])
def test_a_client_that_refused_its_settings_can_be_shown(client: type) -> None:
    """Tracebacks that show variables, as pytest's and Airflow's crash reports, show it too."""
    assert repr(client.__new__(client)) == f"{client.__name__}('unfinished')"


@pytest.mark.parametrize("client", [DotClient, AsyncDotClient])
def test_a_client_does_not_travel_to_another_process(client: type) -> None:
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(client("secret-token"))
