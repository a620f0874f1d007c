"""The client that all triggers of a triggerer share."""

from __future__ import annotations

import asyncio
from typing import Any

from dot_provider.api.settings import server
from dot_provider.triggers import shared_client as module
from dot_provider.triggers.shared_client import shared_client


async def test_users_of_one_server_share_connections_across_environments(sandbox: Any) -> None:
    dot = sandbox()
    production = server(token=dot.token, base_url=dot.base_url)
    staging = server(token=dot.token, base_url=dot.base_url, environment="staging")
    async with shared_client(production) as first, shared_client(staging) as second:
        assert first._transport is second._transport
        assert (first.server.environment, second.server.environment) == (None, "staging")


async def test_another_token_has_connections_of_its_own(sandbox: Any) -> None:
    dot = sandbox()
    one, other = (server(token=token, base_url=dot.base_url) for token in (dot.token, "other"))
    async with shared_client(one) as first, shared_client(other) as second:
        assert first._transport is not second._transport


async def test_the_last_user_closes_the_connections(sandbox: Any) -> None:
    dot = sandbox()
    where = server(token=dot.token, base_url=dot.base_url)
    async with shared_client(where) as first:
        async with shared_client(where):
            await first.whoami()
        assert (await first.whoami()).role == "admin"
    assert module._CLIENTS[asyncio.get_running_loop()] == {}


def test_event_loops_do_not_share(sandbox: Any) -> None:
    dot = sandbox()
    where = server(token=dot.token, base_url=dot.base_url)

    async def role() -> str:
        async with shared_client(where) as client:
            return (await client.whoami()).role

    assert [asyncio.run(role()) for _ in range(2)] == ["admin", "admin"]
