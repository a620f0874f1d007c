"""Waiting in Airflow's triggerer. Triggers only read, and know nothing but ids and times.

``DotConversationsTrigger`` is for users, in an ``AssetWatcher``; the others belong to operators and sensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dot_provider.triggers.conversations import DotConversationsTrigger

__all__ = ["DotConversationsTrigger"]


def __getattr__(name: str) -> Any:
    if name == "DotConversationsTrigger":
        from dot_provider.triggers.conversations import DotConversationsTrigger

        return DotConversationsTrigger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
