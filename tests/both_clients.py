"""Both clients behind one face, so that one test holds for both: every promise is parametrized over the transports."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dot_provider.api import AsyncDotClient, DotClient, DotError
from tests.clock import FakeClock, QuickClock

Connect = Callable[..., "Blocking | OnLoop"]


class Blocking:
    """``DotClient`` as it is; ``at_once`` runs one method many times, in threads."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.client = DotClient(*args, **settings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def at_once(self, method: str, calls: list[tuple[Any, ...]], concurrency: int = 8, **kwargs: Any) -> list[Any]:
        """Return one result or ``DotError`` per tuple of arguments, in order."""
        with ThreadPoolExecutor(concurrency) as pool:
            return list(pool.map(lambda args: _result(getattr(self.client, method), *args, **kwargs), calls))

    def close(self) -> None:
        """Close the client."""
        self.client.close()


class OnLoop:
    """``AsyncDotClient``, each call of which is run to its end on an event loop of its own."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        self.client = AsyncDotClient(*args, **settings)
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if not callable(found):
            return found
        return lambda *args, **kwargs: self._loop.run_until_complete(_awaited(found(*args, **kwargs)))

    def at_once(self, method: str, calls: list[tuple[Any, ...]], concurrency: int = 8, **kwargs: Any) -> list[Any]:
        """Return one result or ``DotError`` per tuple of arguments, in order."""

        async def all_of_them() -> list[Any]:
            places = asyncio.Semaphore(concurrency)

            async def one(args: tuple[Any, ...]) -> Any:
                async with places:
                    try:
                        return await getattr(self.client, method)(*args, **kwargs)
                    except DotError as error:
                        return error

            return await asyncio.gather(*map(one, calls))

        return self._loop.run_until_complete(all_of_them())

    def close(self) -> None:
        """Close the client and its loop."""
        self._loop.run_until_complete(self.client.close())
        self._loop.close()


@pytest.fixture(params=[Blocking, OnLoop], ids=["blocking", "event_loop"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make a client on the transport of this run; it waits by a fake clock unless told otherwise."""
    opened: list[Blocking | OnLoop] = []

    def make(base_url: str | None, token: str | None = "dot-sandbox-token", **settings: Any) -> Blocking | OnLoop:
        settings.setdefault("clock", FakeClock())
        opened.append(request.param(token, base_url, **settings))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clients that operators and assets make wait a tenth as long."""
    monkeypatch.setattr("dot_provider.api.client.SystemClock", QuickClock)


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _result(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return method(*args, **kwargs)
    except DotError as error:
        return error
