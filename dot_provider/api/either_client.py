"""What the blocking client and the one for event loops have in common: settings, a session, and every endpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from dot_provider.api.call import Call, Progress
from dot_provider.api.calls.arguments import Seconds
from dot_provider.api.clock import Clock, SystemClock
from dot_provider.api.delivery import Session
from dot_provider.api.endpoints import Endpoints
from dot_provider.api.errors import DotConfigError
from dot_provider.api.server import Server, server

log = logging.getLogger("dot_provider")

Report = Callable[[str], None] | None
"""What is called with each line for the user, instead of the ``dot_provider`` logger."""

Transport = TypeVar("Transport")
C = TypeVar("C", bound="EitherClient[Any]")


class EitherClient(Endpoints, Generic[Transport]):
    """Settings, session and transport of a client; ``DotClient`` documents the arguments."""

    _new_transport: ClassVar[Callable[[], Any]]

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
        clock: Clock | None = None,
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

    def _open(self, session: Session, transport: Transport, clock: Clock) -> None:
        self._session = session
        self._transport = transport
        self._clock = clock

    @classmethod
    def for_server(cls: type[C], settings: Server, clock: Clock | None = None) -> C:
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

    def __repr__(self) -> str:
        # Tracebacks that show variables also show a client whose constructor is just refusing its settings.
        session = getattr(self, "_session", None)
        return f"{type(self).__name__}({session.server.origin if session else 'unfinished'!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"A {type(self).__name__} holds connections and a token: make one in each process.")


def tell(step: Progress, report: Report) -> None:
    """Hand a line of progress to ``report``, or to the package's logger."""
    if report is not None and step.event:
        report(step.message)
    else:
        log.log(logging.INFO if step.event else logging.DEBUG, "%s", step.message)


def announce(call: Call[Any], report: Report) -> None:
    """Tell what a call has done, where that is an event of the user's, however the call was sent."""
    if call.event:
        tell(Progress(call.event), report)
