"""The client for event loops, used inside Airflow's triggerer."""

from __future__ import annotations

import asyncio
from typing import Any

from dot_provider.api.call import Call, Flow, Pause, Progress, Step, T, Together
from dot_provider.api.delivery import deliver
from dot_provider.api.driver import drive_async
from dot_provider.api.either_client import EitherClient, Report, announce, log, tell
from dot_provider.api.errors import DotError
from dot_provider.api.transport.event_loop import EventLoopTransport
from dot_provider.api.wire import Request


class AsyncDotClient(EitherClient[EventLoopTransport]):
    """Talks to Dot without blocking the event loop; the same methods as ``DotClient``, each to be awaited.

    Needs aiohttp (``pip install 'dot-provider[async]'``). Belongs to the event loop it is first used on.

    The arguments and errors are those of ``DotClient``.

    Example:
        >>> async with AsyncDotClient(token="...") as dot:
        ...     answer = await dot.ask("How many orders did we ship last week?")
    """

    _new_transport = EventLoopTransport

    async def send(self, call: Call[T]) -> T:
        """Send one call and return its result.

        Raises:
            DotError: whatever ended it.
        """
        return await self._send(call, None)

    async def run(self, flow: Flow[T], report: Report = None) -> T:
        """Run a flow to its end; ``report`` is called with each line of progress.

        Raises:
            DotError: whatever ended it.
        """

        async def handle(step: Step) -> Any:
            if isinstance(step, Call):
                return await self._send(step, report)
            if isinstance(step, Together):
                return await self._send_together(step, report)
            if isinstance(step, Progress):
                return tell(step, report)
            return await self._wait(step.seconds) if isinstance(step, Pause) else self._clock.now()

        return await drive_async(flow, handle)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncDotClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _send(self, call: Call[T], report: Report) -> T:
        result = await drive_async(deliver(self._session, call), self._deliver_step)
        announce(call, report)
        return result

    async def _deliver_step(self, step: Request | Pause) -> Any:
        if isinstance(step, Pause):
            return await self._wait(step.seconds)
        began = self._clock.now()
        response = await self._transport.exchange(step)
        log.debug("%s: %s in %.2f s", step.name, response.status, self._clock.now() - began)
        return response

    async def _wait(self, seconds: float) -> float:
        if seconds > 0:
            await self._clock.sleep_async(seconds)
        return self._clock.now()

    async def _send_together(self, step: Together, report: Report) -> list[Any]:
        places = asyncio.Semaphore(max(1, step.concurrency))

        async def result_or_error(call: Call[Any]) -> Any:
            async with places:
                try:
                    return await self._send(call, report)
                except DotError as error:
                    return error

        return list(await asyncio.gather(*(result_or_error(call) for call in step.calls)))
