"""When a failed request is tried again, and how long is waited, also as ``Retry-After`` says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any

from dot_provider._forks import Lock
from dot_provider.api._core.call import Call
from dot_provider.api.errors import (
    DotError,
    DotProtocolError,
    DotRateLimitedError,
    DotServerError,
    DotTimeoutError,
    DotTransientError,
    DotUnreachableError,
)

MAX_ATTEMPTS = 6
"""Attempts of one call, the first included."""

FIRST_WAIT = 0.5
"""Upper bound of the first wait in seconds; it doubles with each attempt."""

LONGEST_WAIT = 20.0
"""Upper bound of a wait that we choose, in seconds."""

LONGEST_RETRY_AFTER = 120.0
"""The longest ``Retry-After`` that is waited for, in seconds; a longer one is an error that says so."""


class RetryBudget:
    """Keeps many calls of one client from multiplying a storm.

    A retry takes a token, a success gives a fifth of one back, so that a long outage costs at most the initial tokens
    plus one request in five. Shared by all threads of a client.
    """

    def __init__(self, tokens: float = 60, refill: float = 0.2) -> None:
        self._most = tokens
        self._tokens = tokens
        self._refill = refill
        self._lock = Lock()

    def take(self) -> bool:
        """Take a token for one retry; False where none is left."""
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def succeeded(self) -> None:
        """Give back a part of a token."""
        with self._lock:
            self._tokens = min(self._most, self._tokens + self._refill)


@dataclass(frozen=True)
class Attempts:
    """How far one call has come: the tries made, and the time (epoch seconds) after which none starts."""

    made: int
    give_up_at: float


def wait_before_retry(
    call: Call[Any],
    error: DotError,
    attempts: Attempts,
    now: float,
    jitter: Callable[[float, float], float],
) -> float | None:
    """Return the seconds to wait before ``call`` is sent again, or None where it must not or need not be.

    Exponential with full jitter, never past ``attempts.give_up_at``. Dot's ``Retry-After`` wins over our own choice,
    and because it is Dot's promise to be back, one of them may lead past that time.
    """
    if attempts.made >= MAX_ATTEMPTS or now >= attempts.give_up_at or not may_repeat(call, error):
        return None
    asked = error.retry_after if isinstance(error, DotTransientError) else None
    if asked is not None and asked > LONGEST_RETRY_AFTER:
        return None
    if asked is not None:
        return asked
    wait = jitter(0.0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts.made - 1)))
    return wait if now + wait < attempts.give_up_at else None


def may_repeat(call: Call[Any], error: DotError) -> bool:
    """Whether sending ``call`` again after ``error`` is safe and can help."""
    if isinstance(error, DotRateLimitedError):
        return True
    if isinstance(error, DotUnreachableError) and not error.sent:
        return True
    if not call.repeatable:
        return False
    if isinstance(error, DotServerError):
        return error.status in (502, 503, 504)
    return isinstance(error, DotUnreachableError | DotTimeoutError) or (
        isinstance(error, DotProtocolError) and error.retryable
    )


def explain_end(error: DotError, attempts: Attempts) -> str:
    """Return what to add to an error's message: how often it was tried, and a ``Retry-After`` too long to wait for."""
    tried = f" Tried {attempts.made} times." if attempts.made > 1 else ""
    asked = error.retry_after if isinstance(error, DotTransientError) else None
    if asked is None or asked <= LONGEST_RETRY_AFTER:
        return tried
    most = f"{LONGEST_RETRY_AFTER:.0f} s"
    return f"{tried} Dot asks to wait {asked:.0f} s, longer than the {most} that a call waits: run this again later."


_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")

LONGEST = 30 * 86400.0
"""Seconds that count as the longest wait; orchestrators cannot keep times that no calendar has."""


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait from ``now`` (epoch seconds), from 0 to ``LONGEST``, or None without a meaning.

    A date is compared with our clock, so a skewed clock gives a wait that is too long or 0; callers bound it.
    """
    text = (value or "").strip()
    seconds = float(text) if _NUMBER.fullmatch(text) else _seconds_until(text, now)
    return min(max(0.0, seconds), LONGEST) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: float) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError, OverflowError):
        return math.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp() - now
