"""What a task keeps from one of its tries for the next, and how long the next one waits where Dot asks for patience.

Airflow 3.3 and newer store what is kept, and a user's Clear does not wipe it. But Clear raises ``max_tries``, which an
automatic retry leaves alone: what was kept counts only under the ``max_tries`` that it was kept with.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotTransientError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions.retry_policy import RetryDecision


def remember(context: Context, key: str, value: Any) -> None:
    """Keep ``value``, anything that JSON can hold, for the task's next try; does nothing on an older Airflow."""
    store = _store(context)
    if store is not None:
        store.set(key, {"value": value, "max_tries": context["ti"].max_tries})


def recall(context: Context, key: str) -> Any:
    """Return what an earlier try of the same work kept under ``key``; None after a Clear, or where nothing was kept."""
    store = _store(context)
    kept = None if store is None else store.get(key)
    if not isinstance(kept, dict) or kept.get("max_tries") != context["ti"].max_tries:
        return None
    return kept.get("value")


def can_remember(context: Context) -> bool:
    """Tell whether this Airflow keeps anything between tries."""
    return _store(context) is not None


def _store(context: Context) -> Any:
    return context.get("task_state_store")


class RetryAfterPolicy:
    """A task's ``retry_policy``, which Airflow 3.3 and newer ask: honours the ``Retry-After`` of 429 and 503.

    A call waits for two minutes at most. Where Dot asks for more, the task's retries would all be used up before Dot is
    back. Each operator of Dot has this policy unless it is given another; an older Airflow never asks it.
    """

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return how long to wait before the next try, where Dot has said so."""
        from airflow.sdk.definitions.retry_policy import RetryDecision

        error = exception.__context__  # what Dot answered; the exception is Airflow's
        asked = error.retry_after if isinstance(error, DotTransientError) else None
        if asked is None or context is None or asked <= _own_delay(context["ti"].task, try_number):
            return RetryDecision.default()
        return RetryDecision.retry(timedelta(seconds=asked), f"Dot asks to wait {asked:.0f} s.")


def _own_delay(task: Any, try_number: int) -> float:
    """Return the shortest time in seconds that Airflow would let pass before the next try."""
    growth = float(task.retry_exponential_backoff)
    seconds: float = task.retry_delay.total_seconds() * (growth ** (try_number - 1) if growth > 1 else 1)
    return seconds
