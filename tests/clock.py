"""Clocks that wait without waiting, or shorter."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar

from dot_provider.api._core.call import SystemClock

_START = 1_800_000_000.0


class FakeClock(SystemClock):
    """A clock by which every wait passes at once; ``waits`` lists them in seconds.

    Shared by several threads, it passes each thread's waits one after another.
    """

    def __init__(self, start: float = _START) -> None:
        self.waits: list[float] = []
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        with self._lock:
            self.waits.append(seconds)
            self._now += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Let ``seconds`` pass, and let others on the event loop do something."""
        self.sleep(seconds)
        await asyncio.sleep(0)


class QuickClock(SystemClock):
    """A clock on which ten seconds pass in one, for all processes alike: what waits for another one still waits."""

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return _START + 10 * (time.time() - _START)

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        super().sleep(seconds / 10)

    async def sleep_async(self, seconds: float) -> None:
        """Let ``seconds`` pass, leaving the event loop to others."""
        await super().sleep_async(seconds / 10)


class FakeClocks(FakeClock):
    """A fake clock for work side by side: each thread and each task has a time of its own, so waits do not add up."""

    def __init__(self, start: float = _START) -> None:
        super().__init__(start)
        self._own: ContextVar[float] = ContextVar("now", default=start)

    def now(self) -> float:
        """Return the time of this thread or task."""
        return self._own.get()

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass for this thread or task."""
        self.waits.append(seconds)
        self._own.set(self._own.get() + seconds)
