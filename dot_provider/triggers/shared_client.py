"""One client per server and event loop, shared by all triggers of a triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dot_provider.hooks.dot import DotHook

if TYPE_CHECKING:
    from dot_provider.api.client import AsyncDotClient
    from dot_provider.api.settings import Server


@dataclass
class _Shared:
    client: AsyncDotClient
    users: int = 0


_CLIENTS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Server, _Shared]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_client(server: Server) -> AsyncIterator[AsyncDotClient]:
    """Yield the running event loop's client for ``server``; the last user closes its connections.

    Environments of one server share connections, retry budget and login.
    """
    from dot_provider.api.client import AsyncDotClient

    key = replace(server, environment=None)
    clients = _CLIENTS.setdefault(asyncio.get_running_loop(), {})
    shared = clients.setdefault(key, _Shared(AsyncDotClient.for_server(key)))
    shared.users += 1
    try:
        yield shared.client.in_environment(server.environment)
    finally:
        shared.users -= 1
        if not shared.users:
            del clients[key]
            await shared.client.close()


@asynccontextmanager
async def connected_client(dot_conn_id: str, environment: str | None) -> AsyncIterator[AsyncDotClient]:
    """Yield the shared client for an Airflow connection.

    Raises:
        DotConfigError: there is no such connection, or a field of it is wrong.
    """
    server = await DotHook(dot_conn_id, environment).get_async_server()
    async with shared_client(server) as dot:
        yield dot
