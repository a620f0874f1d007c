"""Waiting for the verdict of an evaluation run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from dot_provider.triggers.dot_trigger import DotTrigger
from dot_provider.triggers.shared_client import connected_client


@dataclass(kw_only=True, eq=False, repr=False)
class DotEvaluationTrigger(DotTrigger):
    """Reads an evaluation run (``GET /evaluation_runs/{run_id}``) until it has finished.

    Args:
        run_id: the run.
        cancel_on_kill: cancel the run where a user ends the waiting task; for who has started it.
        carried: plain values that come back with the event, for the task to go on by; Airflow's ``dag.test()`` forgets
            what ``defer`` is given.
    """

    run_id: str
    cancel_on_kill: bool = False
    carried: Mapping[str, Any] | None = None

    carried_names: ClassVar[tuple[str, ...]] = ("run_id", "carried")

    async def wait(self) -> dict[str, Any]:
        """Wait for the verdict, which the task reads itself."""
        from dot_provider.api.evaluations import wait_for_evaluation

        async with connected_client(self.dot_conn_id, self.environment) as dot:
            await dot.run(wait_for_evaluation(self.run_id, deadline=self.deadline, poll_interval=self.poll_interval))
        return {}

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
