"""A clock that waits without waiting."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

from dot_provider.api._core.call import SystemClock


class FakeClock(SystemClock):
    """A clock by which every wait passes at once; ``waits`` lists them in seconds.

    Shared by several threads, it passes each thread's waits one after another.
    """

    def __init__(self, start: float = 1_800_000_000.0) -> None:
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


class FakeClocks(FakeClock):
    """A fake clock for work side by side: each thread and each task has a time of its own, so waits do not add up."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        super().__init__(start)
        self._own: ContextVar[float] = ContextVar("now", default=start)

    def now(self) -> float:
        """Return the time of this thread or task."""
        return self._own.get()

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass for this thread or task."""
        self.waits.append(seconds)
        self._own.set(self._own.get() + seconds)
