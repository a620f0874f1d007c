"""Starting DAGs on new conversations in Dot, for example those that people were unhappy with."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from dot_provider.api.arguments import Seconds, checked_seconds
from dot_provider.api.errors import DotError, DotUsageError
from dot_provider.hooks.dot import DotHook
from dot_provider.triggers.events import VERSION
from dot_provider.triggers.shared_client import connected_client

STATE_KEY = "dot_conversations_seen"
"""Key under which the watermark stands in the asset's state store."""

HANDOVER = 10.0
"""Seconds after which an event counts as reported; Airflow writes it into its database within about two."""

MOST_IDS = 100
"""Chat ids that one event lists; ``count`` says how many there are."""


class DotConversationsTrigger(BaseEventTrigger):
    """Watches ``GET /export_history`` for conversations that were not there before; for an ``AssetWatcher``.

    What it has seen is kept in the asset's state store (Airflow 3.3 and newer), so a restarted triggerer reports what
    came in the meantime and nothing twice, but for an event from the last seconds before it was killed. Conversations
    from before the first start are not reported.

    Args:
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of a Dot environment, instead of the connection's own.
        feedback: report only conversations with one of these feedbacks or ratings, such as ``negative``.
        labels: report only conversations with one of these labels.
        poll_interval: seconds between two looks, or a ``timedelta``.
        lookback_days: days before today in which a conversation may still come to match, when it is rated for example.

    Example:
        >>> unhappy = DotConversationsTrigger(feedback=["negative"])
        >>> asset = Asset("dot_unhappy", watchers=[AssetWatcher(name="dot_unhappy", trigger=unhappy)])
        >>> DAG("look_into_it", schedule=[asset])
    """

    def __init__(
        self,
        *,
        dot_conn_id: str = DotHook.default_conn_name,
        environment: str | None = None,
        feedback: Sequence[str] = (),
        labels: Sequence[str] = (),
        poll_interval: Seconds = 300,
        lookback_days: int = 2,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        for name, value in (("feedback", feedback), ("labels", labels)):
            if isinstance(value, str):
                raise DotUsageError(f"{name} must be a list of texts, not one text.")
        self.dot_conn_id = dot_conn_id
        self.environment = environment
        self.feedback = list(feedback)
        self.labels = list(labels)
        self.poll_interval = checked_seconds("poll_interval", poll_interval)
        self.lookback_days = lookback_days

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores and recognizes the trigger by."""
        return "dot_provider.triggers.conversations.DotConversationsTrigger", {
            "dot_conn_id": self.dot_conn_id,
            "environment": self.environment,
            "feedback": self.feedback,
            "labels": self.labels,
            "poll_interval": self.poll_interval,
            "lookback_days": self.lookback_days,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event whenever there are new conversations, for ever."""
        from dot_provider.history.matching import digest

        state = await self._load_state()
        while True:
            today = datetime.now(timezone.utc).date()
            try:
                chats = await self._matching(_first_day(state, today, self.lookback_days), today)
            except Exception as error:
                # A watcher that dies is not started again, so it outlives every refusal, and our own mistakes too.
                self.log.warning(
                    "Could not look for conversations, trying again in %s s: %s",
                    self.poll_interval,
                    error,
                    exc_info=not isinstance(error, DotError),
                )
            else:
                seen = set(state["seen"]) if state is not None else {digest(chat_id) for chat_id in chats}
                new = [chat_id for chat_id in chats if digest(chat_id) not in seen]
                if new:
                    event = {"version": VERSION, "count": len(new), "chat_ids": new[:MOST_IDS]}
                    yield TriggerEvent(event)  # type: ignore[no-untyped-call]
                    # Until Airflow has written the event down, a crash must repeat it rather than lose it.
                    await asyncio.sleep(min(HANDOVER, self.poll_interval))
                state = {"day": today.isoformat(), "seen": sorted(digest(chat_id) for chat_id in chats)}
                await self._save_state(state)
            await asyncio.sleep(self.poll_interval)

    async def _matching(self, first: date, today: date) -> list[str]:
        from dot_provider.history.matching import matching_chats

        with tempfile.TemporaryFile() as document:
            async with connected_client(self.dot_conn_id, self.environment) as dot:
                await dot.download_history(first, today + timedelta(days=1), document)
            document.seek(0)
            # A large export takes a while to be read, and other triggers share this event loop.
            return await asyncio.to_thread(matching_chats, document, self.feedback, self.labels)

    async def _load_state(self) -> dict[str, Any] | None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            self.log.warning("Airflow keeps no state for this watcher: a restart forgets what came in the meantime.")
            return None
        try:
            state = await store.aget(STATE_KEY)
        except ValueError:
            # Airflow makes one trigger of equal ones, and then does not say which asset's state is meant.
            self.log.warning(
                "Several assets are watched by equal triggers: a restart forgets what came in the meantime. "
                "Watch one asset and schedule all DAGs on it, or give each trigger another poll_interval."
            )
            self.asset_state_store = None
            return None
        try:
            date.fromisoformat(state["day"])
            return state if isinstance(state["seen"], list) else None
        except (TypeError, KeyError, ValueError):
            return None  # nothing yet, or not ours

    async def _save_state(self, state: dict[str, Any]) -> None:
        store = getattr(self, "asset_state_store", None)
        try:
            if store is not None:
                await store.aset(STATE_KEY, state)
        except Exception as error:
            self.log.warning("Could not keep what was seen; a restart may report it again: %s", error)


def _first_day(state: dict[str, Any] | None, today: date, lookback_days: int) -> date:
    """Return the first day to ask for: the lookback, or further back where the triggerer was down for longer."""
    last = date.fromisoformat(state["day"]) if state is not None else today
    return min(last, today) - timedelta(days=lookback_days)
