"""Waiting for the answer to a question that something else has asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotUsageError
from dot_provider.links.dot import DotLink, link_to
from dot_provider.operators.retry_state import recall, remember
from dot_provider.sensors.dot_sensor import DotSensor

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from dot_provider.api.client import DotClient
    from dot_provider.api.wait import QuietChat


class DotAnswerSensor(DotSensor):
    """Wait until a question is answered, and return the answer. Only reads: ``GET /c2/{chat_id}``.

    A chat that is not there yet is waited for; a question that Dot cannot answer fails the task.

    Args:
        chat_id: the chat, such as ``{{ ti.xcom_pull('ask', key='chat_id') }}``.
        position: place (from 0) of the question among the chat's user messages.

    Example:
        >>> DotAnswerSensor(task_id="wait", chat_id="daily-{{ dag_run.run_after | ds }}", deferrable=True)
    """

    template_fields: Sequence[str] = (*DotSensor.template_fields, "chat_id")
    operator_extra_links = (DotLink(),)

    def __init__(self, *, chat_id: str, position: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(position, bool) or not isinstance(position, int) or position < 0:
            raise DotUsageError(f"Task {self.task_id}: position must be a whole number from 0, not {position!r}.")
        self.chat_id = chat_id
        self.position = position
        self._quiet = False
        self._watched: QuietChat | None = None

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Look at what the trigger has seen."""
        self._quiet = isinstance(event, Mapping) and event.get("quiet") is True
        return super().execute_complete(context, event)

    def look(self, dot: DotClient, context: Context) -> dict[str, Any] | None:
        """Return the answer as plain values, None while there is none."""
        from dot_provider.api.post_once import read_chat
        from dot_provider.api.wait import QuietChat, answer_or_none, quiet_time

        url = dot.server.chat_url(self.chat_id)
        seen = dot.run(read_chat(self.chat_id))
        link_to(self, context, url)
        if seen is None:
            return None
        # In the mode "reschedule" each look is a process of its own.
        kept = recall(context, "chat") or {"seconds": quiet_time(self.timeout)}
        watched = self._watched or QuietChat(**kept)
        seen = replace(seen, complete=True) if self._quiet else watched.look(seen, time.time())
        self._watched = watched
        remember(context, "chat", asdict(watched))
        answer = answer_or_none(seen, self.position, url)
        return answer.to_record() if answer is not None else None

    def make_trigger(self, deadline: float) -> BaseTrigger:
        """Return the trigger that watches the chat."""
        from dot_provider.api.wait import quiet_time
        from dot_provider.triggers.answer import DotAnswerTrigger

        return DotAnswerTrigger(
            dot_conn_id=self.dot_conn_id,
            environment=self.environment,
            chat_id=self.chat_id,
            positions=[self.position],
            deadline=deadline,
            poll_interval=self.poke_interval,
            quiet_for=quiet_time(self.timeout),
        )
