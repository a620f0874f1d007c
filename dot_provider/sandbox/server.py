"""Runs a sandbox in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from os import PathLike
from typing import Any

import uvicorn
from pydantic import ValidationError
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from dot_provider.sandbox.app import Wire
from dot_provider.sandbox.conversations import Conversation
from dot_provider.sandbox.faults import Fault
from dot_provider.sandbox.recording import RecordedRequest
from dot_provider.sandbox.settings import Settings, problems
from dot_provider.sandbox.workspace import Workspace

_SECONDS_TO_START = 30.0
_OF_ALL = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
"""Where this machine reaches a server that listens on all of its addresses."""


class Sandbox:
    """A Dot on localhost, for as long as the ``with`` block runs.

    Args:
        port: 0 takes a free one.
        host: the address to listen on.
        answers: an answers file, or a mapping that says the same; see ``dot_provider.sandbox.answers``.
        duckdb: file that questions are answered from.
        switches: any field of ``dot_provider.sandbox.settings.Settings``, for example
            ``token``, ``history``, ``seed``, ``older``, ``answer_seconds``, ``answer_polls``.

    Raises:
        OSError: on entering, when the port is taken.
        TypeError: for a switch that does not exist.
        ValueError: for a switch with an impossible value, or an answers file with a mistake.

    Example::

        with Sandbox(answer_polls=2) as dot:
            dot.fail_next("/agentic", status=503, retry_after=1)
            client = DotClient(token=dot.token, base_url=dot.base_url)
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        answers: str | PathLike[str] | Mapping[str, Any] | None = None,
        duckdb: str | PathLike[str] | None = None,
        **switches: Any,
    ) -> None:
        unknown = switches.keys() - Settings.model_fields.keys()
        if unknown:
            raise TypeError(f"The sandbox has no switch {', '.join(sorted(unknown))}.")
        try:
            self.settings = Settings.model_validate({"answers": answers, "duckdb": duckdb, **switches})
        except ValidationError as error:
            raise ValueError("; ".join(problems(error))) from None
        self.workspace = Workspace(self.settings)
        self._host, self._port = host, port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """The origin to use instead of ``https://app.getdot.ai``, without a slash at its end."""
        host = _OF_ALL.get(self._host, self._host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self._port}"

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it was started with port 0."""
        return self._port

    @property
    def token(self) -> str:
        """The API token of the admin account."""
        return self.settings.token

    @property
    def requests(self) -> list[RecordedRequest]:
        """What it was sent, oldest first, without secrets; ``/sandbox`` and ``/`` are not recorded."""
        return self.workspace.recorder.requests

    @property
    def conversations(self) -> Mapping[str, Conversation]:
        """The conversations that were asked of it, by chat id; ``posts`` counts duplicates."""
        return dict(self.workspace.conversations)

    def fail_next(self, path_prefix: str | None = None, *, times: int = 1, **fault: Any) -> None:
        """Misbehave towards the next ``times`` matching requests; ``Fault`` tells the parameters.

        Raises:
            ValueError: for a parameter that does not exist, or an impossible value.
        """
        self.workspace.faults.add(Fault(path_prefix=path_prefix, **fault), times)

    def reset(self) -> None:
        """Forget everything that was sent, and all faults."""
        self.workspace.reset()

    def start(self) -> Sandbox:
        """Listen, and return once requests are served."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._port), family=family, backlog=2048)
        # asyncio does this only for sockets that name their protocol; without it each answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port = listener.getsockname()[1]
        self._server = _Server(self.workspace)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="dot-sandbox", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(_SECONDS_TO_START):
            raise RuntimeError("The sandbox did not start; see the traceback of its thread.")
        return self

    def stop(self) -> None:
        """Stop listening and drop open connections; questions under way are given up."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._server = self._thread = None

    def wait(self) -> None:
        """Block until the sandbox is stopped, or the process is interrupted."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(0.5)

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """uvicorn that logs nothing but errors, and says when it serves."""

    def __init__(self, workspace: Workspace) -> None:
        config = uvicorn.Config(
            Wire(workspace),
            loop="asyncio",
            http=_with_transport(AutoHTTPProtocol),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            # As long as the fronts of real servers: clients give up an idle connection earlier, and do not use one that
            # is being closed, after which a question would be lost.
            timeout_keep_alive=75,
        )
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Python 3.12+ waits for open connections; and a question under way would be answered with a 500.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)


def _with_transport(protocol: Any) -> type[asyncio.Protocol]:
    """Let each request's scope hold its connection's transport, which breaking connections needs."""

    class WithTransport(protocol):  # type: ignore[misc]
        app_state: dict[str, Any]

        def connection_made(self, transport: asyncio.Transport) -> None:
            self.app_state = {**self.app_state, "transport": transport}
            super().connection_made(transport)

    return WithTransport
