"""What only the event loop's transport has: a bounded pool that requests wait for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dot_provider.api import AsyncDotClient, DotTimeoutError, DotUnreachableError
from dot_provider.api._core.send import RetryBudget
from dot_provider.api._http.event_loop import EventLoopTransport
from dot_provider.api.connections import tables
from tests.raw_server import Connection, RawServer, response


def test_a_request_for_which_no_connection_became_free_was_never_sent() -> None:
    async def two_at_once(url: str) -> list[object]:
        async with AsyncDotClient("t", url, timeout=1) as dot:
            dot._transport = EventLoopTransport(connections=1)
            dot._session.budget = RetryBudget(tokens=0)
            shorter = replace(tables(), timeout=0.5)
            return await asyncio.gather(dot.whoami(), dot.send(shorter), return_exceptions=True)

    with RawServer(lambda connection: connection.hang()) as server:
        first, second = asyncio.run(two_at_once(server.url))

    assert isinstance(first, DotTimeoutError)
    assert isinstance(second, DotUnreachableError)
    assert second.sent is False
    assert "no connection became free" in str(second)
    assert len(server.requests) == 1


def test_requests_that_wait_for_a_connection_are_served_in_turn() -> None:
    async def many(url: str) -> list[object]:
        async with AsyncDotClient("t", url) as dot:
            dot._transport = EventLoopTransport(connections=2)
            return await asyncio.gather(*(dot.healthcheck() for _ in range(20)))

    def answer(connection: Connection) -> None:
        connection.send(response(b'{"status": "ok"}'))

    with RawServer(answer) as server:
        results = asyncio.run(many(server.url))

    assert len(results) == len(server.requests) == 20


def test_a_response_of_a_finished_client_is_not_waited_for() -> None:
    """A triggerer cancels a task while its request is under way."""

    async def cancel(url: str) -> None:
        async with AsyncDotClient("t", url) as dot:
            task = asyncio.ensure_future(dot.whoami())
            while not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with RawServer(lambda connection: connection.hang()) as server:
        asyncio.run(cancel(server.url))
