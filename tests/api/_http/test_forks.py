"""A client that was used, and is then shared by forked processes, as executors do: each gets its own answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dot_provider._forks import Lock
from dot_provider.api import AsyncDotClient, DotClient, DotUsageError
from dot_provider.api._core.call import Call
from dot_provider.api._core.send import RetryBudget
from tests.certificates import Certificates, make_certificates

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

CHILDREN, CALLS = 5, 40


class Echo(BaseHTTPRequestHandler):
    """Answers each request with its path, on a connection that stays open."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        time.sleep(0.002)  # so that requests of several processes are under way at a time
        body = f'"{self.path}"'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Keeps all connections that are opened at a time; one that a full queue drops comes again after seconds."""

    daemon_threads = True
    request_queue_size = CHILDREN * CALLS * 2


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"))


@pytest.fixture(params=["http", "https"])
def url(request: pytest.FixtureRequest, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_bundle))
    server = Server(("127.0.0.1", 0), Echo)
    if request.param == "https":
        server.socket = tls_listener(certificates.server, server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{request.param}://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def tls_listener(context: ssl.SSLContext, server: ThreadingHTTPServer) -> Any:
    return context.wrap_socket(server.socket, server_side=True)


def echo(number: int) -> Call[bool]:
    path = f"/api/echo/{os.getpid()}/{number}"
    return Call("echo", "GET", path, lambda answer: bool(answer == path))


def forked(work: Callable[[], bool]) -> int:
    """Run ``work`` in a forked process that ends with status 0 where it is True; return its process id."""
    child = os.fork()
    if child == 0:
        status = 2
        with contextlib.suppress(BaseException):
            status = 0 if work() else 1
        os._exit(status)
    return child


def exit_status(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_forked_processes_get_their_own_answers(url: str) -> None:
    with DotClient("t", url, timeout=20) as dot, ThreadPoolExecutor(4) as threads:

        def all_are_own() -> bool:
            return all(dot.send(echo(number)) for number in range(CALLS))

        assert all(threads.map(lambda number: dot.send(echo(number)), range(8)))  # the pool has several connections
        children = [forked(all_are_own) for _ in range(CHILDREN)]
        assert all_are_own()
        assert [exit_status(child) for child in children] == [0] * CHILDREN


@pytest.mark.slow
def test_forked_processes_get_their_own_answers_on_event_loops(url: str) -> None:
    dot = AsyncDotClient("t", url, timeout=20)

    async def all_are_own() -> bool:
        return all(await asyncio.gather(*(dot.send(echo(number)) for number in range(CALLS))))

    async def in_a_child() -> bool:
        async with dot:
            return await all_are_own()

    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(all_are_own())
    children = [forked(lambda: asyncio.run(in_a_child())) for _ in range(CHILDREN)]
    assert loop.run_until_complete(all_are_own())
    assert [exit_status(child) for child in children] == [0] * CHILDREN
    assert loop.run_until_complete(all_are_own())  # what the children closed is theirs
    loop.run_until_complete(dot.close())
    loop.close()


def test_a_client_for_another_environment_opens_its_own_connections_too(url: str) -> None:
    with DotClient("t", url, timeout=20) as dot:
        staging = dot.in_environment("staging")
        assert staging.send(echo(0))
        children = [forked(lambda: all(staging.send(echo(n)) for n in range(CALLS))) for _ in range(CHILDREN)]
        assert [exit_status(child) for child in children] == [0] * CHILDREN


def test_a_lock_that_another_thread_held_is_free_in_a_forked_process() -> None:
    budget, lock = RetryBudget(), Lock()
    with budget._lock, lock:
        child = forked(lambda: budget.take() and lock.__enter__() is None)
    assert exit_status(child) == 0


def test_a_client_on_a_second_event_loop_is_refused(url: str) -> None:
    dot = AsyncDotClient("t", url)
    first = asyncio.new_event_loop()
    assert first.run_until_complete(dot.send(echo(0)))
    with pytest.raises(DotUsageError, match="make one per loop"):
        asyncio.run(dot.send(echo(1)))
    first.run_until_complete(dot.close())
    first.close()
