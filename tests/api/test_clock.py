"""The clock that clients wait by."""

from __future__ import annotations

import asyncio
import time

from dot_provider.api.clock import Clock, SystemClock
from tests.clock import FakeClock, FakeClocks


def test_the_system_clock_tells_the_time_and_waits() -> None:
    clock: Clock = SystemClock()
    began = time.time()

    clock.sleep(0.01)
    asyncio.run(clock.sleep_async(0.01))

    assert clock.now() - began >= 0.02


def test_the_fake_clock_waits_without_waiting() -> None:
    clock = FakeClock()
    fake: Clock = clock
    began = fake.now()

    fake.sleep(3600)
    asyncio.run(fake.sleep_async(60))

    assert fake.now() - began == 3660
    assert clock.waits == [3600, 60]


def test_waits_side_by_side_do_not_add_up() -> None:
    clock = FakeClocks()
    began = clock.now()

    async def wait() -> float:
        await clock.sleep_async(60)
        return clock.now() - began

    async def together() -> list[float]:
        return await asyncio.gather(wait(), wait(), wait())

    assert asyncio.run(together()) == [60, 60, 60]
