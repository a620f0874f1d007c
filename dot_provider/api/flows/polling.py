"""How long a wait bears looks that fail: an outage of some minutes must not end a wait of half an hour."""

from __future__ import annotations

from dataclasses import dataclass

from dot_provider.api.call import Flow, now
from dot_provider.api.calls.arguments import Seconds, checked_seconds
from dot_provider.api.errors import DotProtocolError, DotTransientError

POLL_FAILURES = 10
"""Failed looks in a row that a wait bears at the least."""

FAILING_FOR = 300.0
"""Seconds of nothing but failed looks that a wait bears at the least."""


def wait_limits(timeout: Seconds, poll_interval: Seconds) -> Flow[tuple[float, float]]:
    """Return a wait's deadline, in seconds since the epoch, and the seconds between two looks.

    Raises:
        DotUsageError: one of them is no time to wait.
    """
    seconds, interval = checked_seconds("timeout", timeout), checked_seconds("poll_interval", poll_interval)
    return (yield from now()) + seconds, interval


@dataclass
class FailedLooks:
    """The looks that failed in a row: how many, and since when (seconds since the epoch)."""

    count: int = 0
    since: float = 0.0

    def add(self, error: DotTransientError | DotProtocolError, now: float) -> None:
        """Count a failed look.

        Raises:
            DotError: ``error``, where waiting does not mend it, or enough looks have failed for long enough.
        """
        self.since = now if self.count == 0 else self.since
        self.count += 1
        if not error.retryable or (self.count >= POLL_FAILURES and now - self.since >= FAILING_FOR):
            raise error

    def clear(self) -> None:
        """Forget them: a look succeeded."""
        self.count = 0
