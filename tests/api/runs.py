"""Runs a flow against a function that plays Dot, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dot_provider.api._core.call import Call, Flow, Gather, Pause, Progress, Step, T, ThisServer, drive, run_blocking
from dot_provider.api.errors import DotError
from dot_provider.api.settings import Server, server
from tests.clock import FakeClock

SERVER = server(token="t", base_url="http://localhost")


class Run:
    """Carries out the steps of a flow; each call is answered by ``play``, which may raise a ``DotError``."""

    def __init__(self, play: Callable[[Call[Any]], Any], server: Server = SERVER) -> None:
        self.clock = FakeClock()
        self.calls: list[str] = []
        self.said: list[str] = []
        self.batches: list[int] = []
        self._play = play
        self._server = server

    def __call__(self, flow: Flow[T]) -> T:
        return run_blocking(drive(flow, self._handle))

    async def _handle(self, step: Step) -> Any:
        if isinstance(step, Call):
            return self._send(step)
        if isinstance(step, Gather):
            self.batches.append(len(step.calls))
            return [self._result(call) for call in step.calls]
        if isinstance(step, Pause):
            return self.clock.sleep(step.seconds)
        if isinstance(step, Progress):
            return self.said.append(step.message)
        return self._server if isinstance(step, ThisServer) else self.clock.now()

    def _result(self, call: Call[Any]) -> Any:
        try:
            return self._send(call)
        except DotError as error:
            return error

    def _send(self, call: Call[Any]) -> Any:
        self.calls.append(call.name)
        answer = self._play(call)
        if isinstance(answer, DotError):
            raise answer
        return answer
