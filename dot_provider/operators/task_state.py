"""What a task keeps from one of its tries for the next.

Airflow 3.3 and newer store it, and a user's Clear does not wipe it. But Clear raises ``max_tries``, which an automatic
retry leaves alone: what was kept counts only under the ``max_tries`` that it was kept with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context


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
