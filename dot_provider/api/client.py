"""The two clients: settings, a session and every endpoint; one blocks, the other belongs to an event loop."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from dot_provider.api._core.call import (
    Call,
    Flow,
    Gather,
    Now,
    Pause,
    Progress,
    Step,
    SystemClock,
    T,
    ThisServer,
    drive,
    run_blocking,
)
from dot_provider.api._core.messages import Request, Response
from dot_provider.api._core.send import Session, send_with_retries
from dot_provider.api.arguments import Seconds
from dot_provider.api.endpoints import Endpoints
from dot_provider.api.errors import DotConfigError, DotError
from dot_provider.api.settings import Server, server

if TYPE_CHECKING:
    from dot_provider.api._http.blocking import BlockingTransport
    from dot_provider.api._http.event_loop import EventLoopTransport

_log = logging.getLogger("dot_provider")

ProgressCallback = Callable[[str], None] | None
"""What is called with each line for the user, instead of the ``dot_provider`` logger."""

C = TypeVar("C", bound="BaseClient")


class BaseClient(Endpoints, ABC):
    """Settings, session and transport of a client; ``DotClient`` documents the arguments."""

    @staticmethod
    @abstractmethod
    def _new_transport() -> Any:
        """Return what sends a request and hands back its response."""

    def __init__(
        self,
        token: str | None = None,
        base_url: str | None = None,
        environment: str | None = None,
        timeout: Seconds = 60,
        *,
        region: str | None = None,
        token_header: str = "X-API-KEY",  # noqa: S107 - the name of a header
        username: str | None = None,
        password: str | None = None,
        url_auth_user: str | None = None,
        allow_http: bool = False,
        clock: SystemClock | None = None,
    ) -> None:
        try:
            settings = server(
                token=token,
                base_url=base_url,
                region=region,
                environment=environment,
                timeout=timeout,
                token_header=token_header,
                username=username,
                password=password,
                url_auth_user=url_auth_user,
                allow_http=allow_http,
            )
        except DotConfigError as error:
            refused = error.with_traceback(None)
        else:
            self._open(Session(settings), type(self)._new_transport(), clock or SystemClock())
            return
        del token, password  # crash reports show the variables of every frame
        raise refused

    def _open(self, session: Session, transport: Any, clock: SystemClock) -> None:
        self._session = session
        self._transport = transport
        self._clock = clock

    @classmethod
    def for_server(cls: type[C], settings: Server, clock: SystemClock | None = None) -> C:
        """Return a client for settings that were checked before."""
        client = cls.__new__(cls)
        client._open(Session(settings), cls._new_transport(), clock or SystemClock())
        return client

    def in_environment(self: C, environment: str | None) -> C:
        """Return a client for another Dot environment (None: production) that shares this one's connections.

        ``dot.in_environment("env_1").sync("dbt", "shop")`` is how one call is scoped.

        Raises:
            DotConfigError: this is no environment's id.
        """
        client = type(self).__new__(type(self))
        client._open(self._session.scoped(environment), self._transport, self._clock)
        return client

    @property
    def server(self) -> Server:
        """Where this client sends to."""
        return self._session.server

    @abstractmethod
    async def _exchange(self, request: Request) -> Response:
        """Send one request and return its response."""

    @abstractmethod
    async def _sleep(self, seconds: float) -> None:
        """Wait."""

    @abstractmethod
    async def _gather(self, step: Gather, report: ProgressCallback) -> list[Any]:
        """Send calls side by side, and return the result or error of each."""

    async def _run(self, flow: Flow[T], report: ProgressCallback) -> T:
        async def handle(step: Step) -> Any:
            if isinstance(step, Call):
                return await self._send(step, report)
            if isinstance(step, Gather):
                return await self._gather(step, report)
            if isinstance(step, Progress):
                return report_progress(step, report)
            return self.server if isinstance(step, ThisServer) else await self._wait(step)

        return await drive(flow, handle)

    async def _send(self, call: Call[T], report: ProgressCallback) -> T:
        async def handle(step: Request | Pause | Now) -> Any:
            if not isinstance(step, Request):
                return await self._wait(step)
            began = self._clock.now()
            response = await self._exchange(step)
            _log.debug("%s: %s in %.2f s", step.name, response.status, self._clock.now() - began)
            return response

        result = await drive(send_with_retries(self._session, call), handle)
        report_event(call, report)
        return result

    async def _result_or_error(self, call: Call[Any], report: ProgressCallback) -> Any:
        try:
            return await self._send(call, report)
        except DotError as error:
            return error

    async def _wait(self, step: Pause | Now) -> float:
        if isinstance(step, Pause) and step.seconds > 0:
            await self._sleep(step.seconds)
        return self._clock.now()

    def __repr__(self) -> str:
        # Tracebacks that show variables also show a client whose constructor is just refusing its settings.
        session = getattr(self, "_session", None)
        return f"{type(self).__name__}({session.server.origin if session else 'unfinished'!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"A {type(self).__name__} holds connections and a token: make one in each process.")


def report_progress(step: Progress, report: ProgressCallback) -> None:
    """Hand a line of progress to ``report``, or to the package's logger."""
    if report is not None and step.event:
        report(step.message)
    else:
        _log.log(logging.INFO if step.event else logging.DEBUG, "%s", step.message)


def report_event(call: Call[Any], report: ProgressCallback) -> None:
    """Tell what a call has done, where that is an event of the user's, however the call was sent."""
    if call.event:
        report_progress(Progress(call.event), report)


class DotClient(BaseClient):
    """Talks to Dot, one blocking method per endpoint; safe to share between threads.

    Args:
        token: API token from Dot's settings; of a service user, because a new token revokes that user's old one.
        base_url: origin of a self-hosted Dot, such as ``https://dot.example.com``.
        environment: id of a Dot environment that everything is scoped to, instead of production.
        timeout: whole seconds, or a ``timedelta``, that one request may take. Endpoints that are known to be slow have
            their own, longer.
        region: ``us`` (the default) or ``eu``, instead of ``base_url``.
        token_header: ``API-KEY`` for an older server that does not know ``X-API-KEY``.
        username, password: log in by password instead, on a server without API tokens.
        url_auth_user: e-mail address to send the token in the URL of sync, import and export with, for a server that
            knows no other way. Access logs then hold the token.
        allow_http: accept a ``base_url`` of ``http://`` on another machine, such as the sandbox's container or a Dot
            in the same cluster. The token then travels unencrypted, and a warning in the log says so.
        clock: what to wait by; for tests.

    Raises:
        DotConfigError: a setting is missing or wrong. Nothing is sent before the first call.

    Example:
        >>> from dot_provider.api import DotClient
        >>> dot = DotClient(token="...")
        >>> print(dot.ask("How many orders did we ship last week?").text)
    """

    _transport: BlockingTransport

    @staticmethod
    def _new_transport() -> BlockingTransport:
        from dot_provider.api._http.blocking import BlockingTransport

        return BlockingTransport()

    def send(self, call: Call[T]) -> T:
        """Send one call and return its result.

        Raises:
            DotError: whatever ended it.
        """
        return run_blocking(self._send(call, None))

    def run(self, flow: Flow[T], report: ProgressCallback = None) -> T:
        """Run a flow to its end, blocking.

        Args:
            flow: generator of steps, such as ``dot_provider.api.ask.ask`` returns.
            report: called with each line of progress, instead of the ``dot_provider`` logger.

        Raises:
            DotError: whatever ended it.
        """
        return run_blocking(self._run(flow, report))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> DotClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def _exchange(self, request: Request) -> Response:
        return self._transport.exchange(request)

    async def _sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    async def _gather(self, step: Gather, report: ProgressCallback) -> list[Any]:
        def send(call: Call[Any]) -> Any:
            return run_blocking(self._result_or_error(call, report))

        with ThreadPoolExecutor(max_workers=max(1, min(step.concurrency, len(step.calls)))) as pool:
            return list(pool.map(send, step.calls))


class AsyncDotClient(BaseClient):
    """Talks to Dot without blocking the event loop; the same methods as ``DotClient``, each to be awaited.

    Needs aiohttp (``pip install 'dot-provider[async]'``). Belongs to the event loop it is first used on.

    The arguments and errors are those of ``DotClient``.

    Example:
        >>> async with AsyncDotClient(token="...") as dot:
        ...     answer = await dot.ask("How many orders did we ship last week?")
    """

    _transport: EventLoopTransport

    @staticmethod
    def _new_transport() -> EventLoopTransport:
        try:
            from dot_provider.api._http.event_loop import EventLoopTransport
        except ModuleNotFoundError as error:
            if error.name != "aiohttp":
                raise
            raise ImportError("AsyncDotClient needs aiohttp: pip install 'dot-provider[async]'.") from None
        return EventLoopTransport()

    async def send(self, call: Call[T]) -> T:
        """Send one call and return its result.

        Raises:
            DotError: whatever ended it.
        """
        return await self._send(call, None)

    async def run(self, flow: Flow[T], report: ProgressCallback = None) -> T:
        """Run a flow to its end; ``report`` is called with each line of progress.

        Raises:
            DotError: whatever ended it.
        """
        return await self._run(flow, report)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncDotClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _exchange(self, request: Request) -> Response:
        return await self._transport.exchange(request)

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep_async(seconds)

    async def _gather(self, step: Gather, report: ProgressCallback) -> list[Any]:
        places = asyncio.Semaphore(max(1, step.concurrency))

        async def send(call: Call[Any]) -> Any:
            async with places:
                return await self._result_or_error(call, report)

        return list(await asyncio.gather(*map(send, step.calls)))
