"""Waiting for the verdict of an evaluation run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from dot_provider.api.arguments import Seconds, checked_seconds
from dot_provider.api.errors import DotError
from dot_provider.triggers.events import ended_by, finished
from dot_provider.triggers.shared_client import connected_client


class DotEvaluationTrigger(BaseTrigger):
    """Reads an evaluation run (``GET /evaluation_runs/{run_id}``) until it has finished.

    Args:
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of a Dot environment, instead of the connection's own.
        run_id: the run.
        deadline: seconds since the epoch at which the wait ends, the same after every restart.
        poll_interval: seconds between two looks, or a ``timedelta``.
        cancel_on_kill: cancel the run where a user ends the waiting task; for who has started it.
        carried: plain values that come back with the event, for the task to go on by; Airflow's ``dag.test()`` forgets
            what ``defer`` is given.
    """

    def __init__(
        self,
        *,
        dot_conn_id: str,
        environment: str | None,
        run_id: str,
        deadline: float,
        poll_interval: Seconds,
        cancel_on_kill: bool = False,
        carried: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dot_conn_id = dot_conn_id
        self.environment = environment
        self.run_id = run_id
        self.deadline = deadline
        self.poll_interval = checked_seconds("poll_interval", poll_interval)
        self.cancel_on_kill = cancel_on_kill
        self.carried = carried

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores: ids and times."""
        return "dot_provider.triggers.evaluation.DotEvaluationTrigger", {
            "dot_conn_id": self.dot_conn_id,
            "environment": self.environment,
            "run_id": self.run_id,
            "deadline": self.deadline,
            "poll_interval": self.poll_interval,
            "cancel_on_kill": self.cancel_on_kill,
            "carried": self.carried,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event when there is something to resume the task for."""
        try:
            await self._wait()
        except DotError as error:
            event = ended_by(error, run_id=self.run_id, carried=self.carried)
            if event["status"] == "unreadable":  # the rest, the task says itself
                self.log.info("%s", error)
            yield TriggerEvent(event)  # type: ignore[no-untyped-call]
        else:
            yield TriggerEvent(finished(run_id=self.run_id, carried=self.carried))  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Cancel the run; Airflow 3.3 and newer call this where a user ends the task, and not for a restart."""
        if self.cancel_on_kill:
            # Airflow may cancel this coroutine after a second: the request goes on without it.
            self._cancelling = asyncio.ensure_future(self._cancel())
            await asyncio.shield(self._cancelling)

    async def _cancel(self) -> None:
        from dot_provider.api.run_evaluation import cancel_quietly

        async with connected_client(self.dot_conn_id, self.environment) as dot:
            await dot.run(cancel_quietly(self.run_id))

    async def _wait(self) -> None:
        from dot_provider.api.evaluations import wait_for_evaluation

        async with connected_client(self.dot_conn_id, self.environment) as dot:
            await dot.run(wait_for_evaluation(self.run_id, deadline=self.deadline, poll_interval=self.poll_interval))
