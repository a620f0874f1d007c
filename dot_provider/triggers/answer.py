"""Waiting for Dot's answer to a question that was asked already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from dot_provider.api.arguments import Seconds, checked_seconds
from dot_provider.api.conversations import has_result
from dot_provider.api.errors import DotError
from dot_provider.triggers.events import ended_by, finished
from dot_provider.triggers.shared_client import connected_client

if TYPE_CHECKING:
    from dot_provider.api.answer import Answer


class DotAnswerTrigger(BaseTrigger):
    """Reads a chat (``GET /c2/{chat_id}``) until its question is answered or has failed.

    Args:
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of a Dot environment, instead of the connection's own.
        chat_id: the chat.
        positions: places (from 0) of the task's questions among the chat's user messages; the last one is waited for.
        deadline: seconds since the epoch at which the wait ends, the same after every restart.
        poll_interval: the most seconds between two looks, or a ``timedelta``.
        quiet_for: seconds without any change after which the chat's last message counts as the answer; None for the
            default.
    """

    def __init__(
        self,
        *,
        dot_conn_id: str,
        environment: str | None,
        chat_id: str,
        positions: Sequence[int],
        deadline: float,
        poll_interval: Seconds,
        quiet_for: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dot_conn_id = dot_conn_id
        self.environment = environment
        self.chat_id = chat_id
        self.positions = list(positions)
        self.deadline = deadline
        self.poll_interval = checked_seconds("poll_interval", poll_interval)
        self.quiet_for = quiet_for

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores: ids and times."""
        return "dot_provider.triggers.answer.DotAnswerTrigger", {
            "dot_conn_id": self.dot_conn_id,
            "environment": self.environment,
            "chat_id": self.chat_id,
            "positions": self.positions,
            "deadline": self.deadline,
            "poll_interval": self.poll_interval,
            "quiet_for": self.quiet_for,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event when there is something to resume the task for."""
        ids = {"chat_id": self.chat_id, "positions": self.positions}
        try:
            answer = await self._wait()
        except DotError as error:
            event = ended_by(error, **ids)
            if event["status"] == "unreadable":  # the rest, the task says itself
                self.log.info("%s", error)
            yield TriggerEvent(event)  # type: ignore[no-untyped-call]
        else:
            # What the worker cannot see by one look, it is told.
            quiet = {} if has_result(answer.raw) else {"quiet": True}
            yield TriggerEvent(finished(**ids, **quiet))  # type: ignore[no-untyped-call]

    async def _wait(self) -> Answer:
        from dot_provider.api.post_once import AskedQuestion
        from dot_provider.api.wait import QUIET_FOR, wait_for_answer

        asked = AskedQuestion(self.chat_id, self.positions[-1])
        async with connected_client(self.dot_conn_id, self.environment) as dot:
            return await dot.run(
                wait_for_answer(
                    asked,
                    deadline=self.deadline,
                    poll_interval=self.poll_interval,
                    quiet_for=QUIET_FOR if self.quiet_for is None else self.quiet_for,
                )
            )
