"""What both sensors of Dot take and do: look, wait on the worker or in the triggerer, fail as sensors do."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue

from dot_provider._airflow import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    conf,
)
from dot_provider.api.errors import DotOutcomeError, DotTransientError, DotUsageError
from dot_provider.hooks.dot import DotHook
from dot_provider.hooks.errors import failing_the_task
from dot_provider.operators.dot_operator import RendersTexts, deferral_timeout

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from dot_provider.api.arguments import Seconds
    from dot_provider.api.client import DotClient


class DotSensor(RendersTexts, BaseSensorOperator):
    """Waits until something in Dot is finished.

    Args:
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of the Dot environment to look in, instead of the connection's own.
        poll_interval: seconds between two looks, or a ``timedelta``; as an operator of Dot's calls Airflow's
            ``poke_interval``, of which it is another name.
        deferrable: wait in the triggerer, without a worker slot.
    """

    template_fields: Sequence[str] = ("dot_conn_id", "environment")
    ui_color = "#e8e4fb"

    def __init__(
        self,
        *,
        dot_conn_id: str = DotHook.default_conn_name,
        environment: str | None = None,
        poll_interval: Seconds | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        from dot_provider.api.arguments import checked_flag, checked_seconds

        task = kwargs.get("task_id")
        if poll_interval is not None:
            if kwargs.get("poke_interval", poll_interval) != poll_interval:
                raise DotUsageError(f"Task {task}: poll_interval and poke_interval mean the same: give one of them.")
            kwargs["poke_interval"] = checked_seconds(f"Task {task}: poll_interval", poll_interval)
        super().__init__(**kwargs)
        self.dot_conn_id = dot_conn_id
        self.environment = environment
        self.deferrable = checked_flag(f"Task {task}: deferrable", deferrable)

    @cached_property
    def hook(self) -> DotHook:
        """The hook for the task's connection."""
        return DotHook(self.dot_conn_id, self.environment)

    @abstractmethod
    def look(self, dot: DotClient, context: Context) -> dict[str, Any] | None:
        """Return the result where there is one, None while there is none yet.

        Raises:
            DotError: there will be none.
        """

    @abstractmethod
    def make_trigger(self, deadline: float) -> BaseTrigger:
        """Return the trigger that waits until ``deadline`` (seconds since the epoch)."""

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once. A failure that can pass counts as "not yet": the sensor has its timeout."""
        with failing_the_task(), self.hook.get_conn() as dot:
            try:
                found = self.look(dot, context)
            except DotTransientError as error:
                self.log.warning("Could not look, trying again: %s", error)
                found = None
            except DotOutcomeError as error:
                # The sensor does not start the work, so its retries could not change the outcome.
                raise AirflowFailException(str(error)) from None
        return PokeReturnValue(found is not None, found)

    def execute(self, context: Context) -> Any:
        """Wait on the worker, or leave for the triggerer where the result is not there yet."""
        if not self.deferrable:
            return super().execute(context)
        try:
            looked = self.poke(context)
        except AirflowException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise
        if not looked:
            deadline = time.time() + self.timeout
            self.defer(
                trigger=self.make_trigger(deadline),
                method_name="execute_complete",
                timeout=deferral_timeout(deadline),
            )
        return looked.xcom_value

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Look at what the trigger has seen."""
        from dot_provider.triggers.events import checked_event, lost_sight

        with failing_the_task():
            event = checked_event(event)
            looked = self.poke(context)
            if looked:
                return looked.xcom_value
            if event["status"] == "timeout":
                raise AirflowSensorTimeout(f"There is no result after {self.timeout:.0f} s.")
            raise lost_sight(event, "what this sensor waits for")
