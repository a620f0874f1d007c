"""Runs a generator to its end by answering its steps: once with plain calls, once with ``await``.

This is the only place where blocking and asynchronous code differ in shape. Clients wait by a clock, so that tests need
not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Protocol, TypeVar

from dot_provider.api.errors import DotError

S = TypeVar("S")
T = TypeVar("T")


def drive(steps: Generator[S, Any, T], handle: Callable[[S], Any]) -> T:
    """Run ``steps``, answering each step with ``handle(step)``; a ``DotError`` is thrown into the generator."""
    try:
        step = next(steps)
        while True:
            try:
                answer = handle(step)
            except DotError as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


async def drive_async(steps: Generator[S, Any, T], handle: Callable[[S], Awaitable[Any]]) -> T:
    """Run ``steps`` like ``drive``, awaiting ``handle(step)``."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await handle(step)
            except DotError as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


class Clock(Protocol):
    """Tells the time and waits, blocking or on an event loop."""

    def now(self) -> float:
        """Return the time in seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait, blocking the thread."""

    async def sleep_async(self, seconds: float) -> None:
        """Wait, leaving the event loop to others."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait, blocking the thread."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait, leaving the event loop to others."""
        await asyncio.sleep(seconds)
