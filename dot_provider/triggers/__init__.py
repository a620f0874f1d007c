"""Waiting in Airflow's triggerer. Triggers only read, and know nothing but ids and times.

``DotConversationsTrigger`` is for users, in an ``AssetWatcher``; the others belong to operators and sensors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dot_provider._lazy import lazy_names

if TYPE_CHECKING:
    from dot_provider.triggers.conversations import DotConversationsTrigger

__all__ = ["DotConversationsTrigger"]

__getattr__, __dir__ = lazy_names(__name__, {"DotConversationsTrigger": "conversations"})
