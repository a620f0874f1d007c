"""Waiting for Dot's answer to a question that was asked already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dot_provider.api.conversations import has_result
from dot_provider.triggers.dot_trigger import DotTrigger
from dot_provider.triggers.shared_client import connected_client


@dataclass(kw_only=True, eq=False, repr=False)
class DotAnswerTrigger(DotTrigger):
    """Reads a chat (``GET /c2/{chat_id}``) until its question is answered or has failed.

    Args:
        chat_id: the chat.
        positions: places (from 0) of the task's questions among the chat's user messages; the last one is waited for.
        quiet_for: seconds without any change after which the chat's last message counts as the answer; None for the
            default.
    """

    chat_id: str
    positions: Sequence[int]
    quiet_for: float | None = None

    carried_names: ClassVar[tuple[str, ...]] = ("chat_id", "positions")

    async def wait(self) -> dict[str, Any]:
        """Wait for the answer."""
        from dot_provider.api.post_once import AskedQuestion
        from dot_provider.api.wait import QUIET_FOR, wait_for_answer

        asked = AskedQuestion(self.chat_id, self.positions[-1])
        quiet_for = QUIET_FOR if self.quiet_for is None else self.quiet_for
        waiting = wait_for_answer(asked, deadline=self.deadline, poll_interval=self.poll_interval, quiet_for=quiet_for)
        async with connected_client(self.dot_conn_id, self.environment) as dot:
            answer = await dot.run(waiting)
        # What the worker cannot see by one look, it is told.
        return {} if has_result(answer.raw) else {"quiet": True}
