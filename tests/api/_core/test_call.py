"""Both drivers run a generator in the same way, and wait by the client's clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from dot_provider.api._core.call import SystemClock, drive, run_blocking
from dot_provider.api.errors import DotServerError
from tests.clock import FakeClock, FakeClocks


def test_the_system_clock_tells_the_time_and_waits() -> None:
    clock = SystemClock()
    began = time.time()

    clock.sleep(0.01)
    asyncio.run(clock.sleep_async(0.01))

    assert clock.now() - began >= 0.02


def test_the_fake_clock_waits_without_waiting() -> None:
    clock = FakeClock()
    began = clock.now()

    clock.sleep(3600)
    asyncio.run(clock.sleep_async(60))

    assert clock.now() - began == 3660
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


Run = Callable[[Generator[Any, Any, Any], Callable[[Any], Any]], Any]


@pytest.fixture(params=[run_blocking, asyncio.run], ids=["blocking", "event_loop"])
def run(request: pytest.FixtureRequest) -> Run:
    def run(steps: Generator[Any, Any, Any], handle: Callable[[Any], Any]) -> Any:
        async def awaited(step: Any) -> Any:
            return handle(step)

        return request.param(drive(steps, awaited))

    return run


def test_work_that_waits_for_an_event_loop_is_no_work_for_a_blocking_client() -> None:
    with pytest.raises(RuntimeError, match="event loop"):
        run_blocking(asyncio.sleep(0))


def test_each_step_is_answered_and_the_result_returned(run: Run) -> None:
    def steps():
        first = yield 1
        second = yield first + 1
        return [first, second]

    assert run(steps(), lambda step: step * 10) == [10, 110]


def test_a_generator_without_steps_returns_its_result(run: Run) -> None:
    def steps():
        return "done"
        yield

    assert run(steps(), lambda step: step) == "done"


def test_our_errors_arrive_within_the_generator(run: Run) -> None:
    def steps():
        try:
            yield "send"
        except DotServerError:
            return (yield "recover")

    def handle(step: str) -> str:
        if step == "send":
            raise DotServerError("no", status=500)
        return step

    assert run(steps(), handle) == "recover"


def test_an_error_that_the_generator_does_not_handle_comes_out(run: Run) -> None:
    def steps():
        yield 1

    def handle(_: int) -> None:
        raise DotServerError("no", status=500)

    with pytest.raises(DotServerError):
        run(steps(), handle)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_any_other_exception_closes_the_generator(run: Run, error: type[BaseException]) -> None:
    closed = []

    def steps():
        try:
            yield 1
        finally:
            closed.append(True)

    def handle(_: int) -> None:
        raise error

    with pytest.raises(error):
        run(steps(), handle)

    assert closed == [True]
