"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, seconds: float = 90, every: float = 0.1) -> T:
    """Return the first true value of ``condition``, which is looked at ``every`` so many seconds.

    Raises:
        TimeoutError: there was none within so many seconds.
    """
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"Not within {seconds} seconds: {what}.")
        time.sleep(every)
    return value
