"""Runs a generator to its end by answering its steps: once with plain calls, once with ``await``.

This is the only place where blocking and asynchronous code differ in shape.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

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
