"""What both clients promise beyond single calls: side by side, shared settings, clean ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from dot_provider.api import AsyncDotClient, DotClient, DotError, DotNotFoundError, DotPermissionError, DotUsageError
from dot_provider.api.call import together
from dot_provider.api.calls.connections import sync
from dot_provider.api.calls.identity import whoami
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock


def test_calls_sent_together_keep_their_order_and_their_errors(connect: Connect, dot: Sandbox) -> None:
    calls = [sync("dbt", "shop"), sync("dbt", "missing"), sync("dbt", "wine")]

    results = connect(dot.base_url).run(together(calls, 2))

    assert [type(r).__name__ for r in results] == ["SyncResult", "DotNotFoundError", "SyncResult"]
    assert isinstance(results[1], DotNotFoundError)


@pytest.mark.parametrize("concurrency", [0, 1, 50])
def test_any_concurrency_will_do(connect: Connect, dot: Sandbox, concurrency: int) -> None:
    results = connect(dot.base_url).run(together([whoami()] * 5, concurrency))

    assert [user.role for user in results] == ["admin"] * 5


def test_nothing_can_be_sent_together(connect: Connect, dot: Sandbox) -> None:
    assert connect(dot.base_url).run(together([], 8)) == []


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


def test_a_thousand_waiting_questions_are_polled_from_one_loop() -> None:
    """How late the loop gets is measured in ``benchmarks``."""
    with Sandbox(answer_polls=2, hold_requests=False, record_bodies=False) as dot:

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
