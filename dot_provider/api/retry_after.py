"""``Retry-After`` as servers really send it: whole seconds, decimals, or an HTTP date."""

from __future__ import annotations

import math
import re
from datetime import timezone
from email.utils import parsedate_to_datetime

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
