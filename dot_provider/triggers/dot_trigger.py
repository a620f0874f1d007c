"""What the triggers of operators and sensors are: fields that Airflow stores, and a wait that ends with one event."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from dot_provider.api.errors import DotError
from dot_provider.triggers.events import ended_by, finished


@dataclass(kw_only=True, eq=False, repr=False)
class DotTrigger(BaseTrigger):
    """Waits until something in Dot has finished.

    Args:
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of a Dot environment, instead of the connection's own.
        deadline: seconds since the epoch at which the wait ends, the same after every restart.
        poll_interval: the most seconds between two looks.
    """

    dot_conn_id: str
    environment: str | None
    deadline: float
    poll_interval: float

    carried_names: ClassVar[tuple[str, ...]]
    """Fields that come back with the event."""

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores: ids and times."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__qualname__}", {one.name: getattr(self, one.name) for one in fields(cls)}

    @abstractmethod
    async def wait(self) -> dict[str, Any]:
        """Wait, and return what the event is to say besides.

        Raises:
            DotError: there is no result, or Dot cannot be read.
        """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event when there is something to resume the task for."""
        carried = {name: getattr(self, name) for name in self.carried_names}
        try:
            event = finished(**carried, **await self.wait())
        except DotError as error:
            event = ended_by(error, **carried)
            if event["status"] == "unreadable":  # the rest, the task says itself
                self.log.info("%s", error)
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]
