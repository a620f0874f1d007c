"""A total deadline for requests: a server that drips one byte at a time cannot hold a worker.

requests and urllib3 bound each single read, not the sum of them. One thread for all requests of the process shuts down
the socket of a request whose time is up, whatever that request is waiting for. Looking up a host's name is the one
thing that it cannot cut short; the machine's resolver bounds that.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from dot_provider._forks import start_anew_when_forked

_current = threading.local()


class Deadline:
    """The time by which one request must be done, and what became of it.

    Attributes:
        at: when it is, on the monotonic clock.
        passed: True once the time was up while the request was under way.
        connected: True once a connection stood, so that the server may have seen the request.
    """

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self.passed = False
        self.connected = False
        self._connection: Any = None
        self._socket: Any = None

    def connecting(self, connection: Any) -> None:
        """Note the connection that the request is about to use; its socket comes and changes while it connects."""
        self._connection = connection

    def connection_stands(self, connection: Any) -> None:
        """Note that from now on the request may reach the server.

        Raises:
            TimeoutError: the time was up before there was a socket to shut down.
        """
        # The socket is held by itself: http.client lets go of it where the connection is to close with the response.
        self._connection, self._socket = connection, connection.sock
        if self.passed:
            raise TimeoutError
        self.connected = True

    def pass_(self) -> None:
        """Shut down what the request uses, so that its thread wakes up."""
        self.passed = True
        sock = self._socket or getattr(self._connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Watchdog:
    def __init__(self) -> None:
        self.start_anew()
        start_anew_when_forked(self)

    def start_anew(self) -> None:
        # A forked process has the object, but neither its thread nor a lock that anyone will release.
        self._changed = threading.Condition()
        self._watched: set[Deadline] = set()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            self._watched.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dot-deadlines", daemon=True)
                self._thread.start()
            if deadline.at < self._wakes_at:
                self._changed.notify()

    def remove(self, deadline: Deadline) -> None:
        with self._changed:  # once this returns, the connection is safe to be used by another request
            self._watched.discard(deadline)

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for deadline in [d for d in self._watched if d.at <= now]:
                    self._watched.discard(deadline)
                    deadline.pass_()
                self._wakes_at = min((d.at for d in self._watched), default=math.inf)
                self._changed.wait(None if math.isinf(self._wakes_at) else self._wakes_at - now)


_watchdog = _Watchdog()


@contextlib.contextmanager
def total_deadline(seconds: float) -> Iterator[Deadline]:
    """Give everything that this thread requests inside the block ``seconds`` in total."""
    deadline = Deadline(seconds)
    _current.deadline = deadline
    _watchdog.add(deadline)
    try:
        yield deadline
    finally:
        _watchdog.remove(deadline)
        _current.deadline = None


def current_deadline() -> Deadline | None:
    """Return the deadline that this thread works under, or None outside of our requests."""
    deadline: Deadline | None = getattr(_current, "deadline", None)
    return deadline


class _Watched:
    """Tells the deadline which connection, and then which socket, the request uses."""

    def connect(self) -> None:
        _connecting(self)
        super().connect()  # type: ignore[misc]
        _connection_stands(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _connection_stands(self)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _WatchedHTTPConnection(_Watched, HTTPConnection):
    pass


class _WatchedHTTPSConnection(_Watched, HTTPSConnection):
    pass


def _connecting(connection: Any) -> None:
    if (deadline := current_deadline()) is not None:
        deadline.connecting(connection)


def _connection_stands(connection: Any) -> None:
    deadline = current_deadline()
    if deadline is not None and connection.sock is not None:  # without a socket, ``connect`` will be called
        deadline.connection_stands(connection)


class _WatchedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTPConnection


class _WatchedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPSConnection


_POOLS = {"http": _WatchedHTTPPool, "https": _WatchedHTTPSPool}


class WatchedAdapter(HTTPAdapter):
    """An adapter whose connections can be closed by ``total_deadline``, directly and through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make the pools for connections through ``proxy``."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
