"""Every request ends by its deadline, whatever the server does; one thread of a process watches over all of them.

A transport without one would hang these tests.
"""

from __future__ import annotations

import io
import os
import socket
import threading
import time

import pytest
import requests

from dot_provider.api import DotClient, DotTimeoutError, DotUnreachableError
from dot_provider.api._core.send import RetryBudget, Session
from dot_provider.api._http.deadline import Deadline, WatchedAdapter, current_deadline, total_deadline
from tests.both_clients import Connect
from tests.certificates import Certificates
from tests.raw_server import Connection, RawServer, response, without_length

ENDLESS = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt per call: what is tried again is tested elsewhere."""
    monkeypatch.setattr(Session, "__init__", _without_budget(Session.__init__))


def _without_budget(init):
    def build(self, server, budget=None):
        init(self, server, budget or RetryBudget(tokens=0, refill=0))

    return build


def silent(connection: Connection) -> None:
    connection.hang()


def dripping_status(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 O")
    connection.drip_forever(b"K")


def dripping_headers(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    connection.drip_forever(b"x")


def dripping_header_lines(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip_forever(b"X-A: b\r\n")


def dripping_interim_answers(connection: Connection) -> None:
    connection.drip_forever(b"HTTP/1.1 100 Continue\r\n\r\n")


def dripping_body(connection: Connection) -> None:
    connection.send(ENDLESS.encode())
    connection.drip_forever(b" ")


def dripping_chunks(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.drip_forever(b"1\r\n \r\n")


def dripping_body_without_length(connection: Connection) -> None:
    connection.send(without_length(b'{"status": "ok"}'))
    connection.drip_forever(b" ")


@pytest.mark.parametrize(
    "behaviour",
    [
        silent,
        dripping_status,
        dripping_headers,
        dripping_header_lines,
        dripping_interim_answers,
        dripping_body,
        dripping_chunks,
        dripping_body_without_length,
    ],
)
def test_a_request_ends_by_its_deadline(connect: Connect, behaviour) -> None:
    with RawServer(behaviour) as server:
        dot = connect(server.url, timeout=1)

        with pytest.raises(DotTimeoutError, match=r"healthcheck: no complete answer .* within 1 s"):
            dot.healthcheck()


@pytest.mark.parametrize("behaviour", [silent, dripping_headers, dripping_body, dripping_body_without_length])
def test_a_request_over_tls_ends_by_its_deadline(
    connect: Connect, behaviour, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_bundle))
    with RawServer(behaviour, certificates.server) as server, pytest.raises(DotTimeoutError):
        connect(server.url, timeout=1).healthcheck()


def test_a_proxy_that_never_opens_the_tunnel_is_bounded(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(dripping_header_lines) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

        with pytest.raises(DotUnreachableError, match="through the proxy") as caught:
            connect("https://dot.example.com", timeout=1).healthcheck()

        assert caught.value.sent is False


def test_a_body_that_the_deadline_cut_is_not_taken_for_a_whole_one(connect: Connect) -> None:
    """A body without a length ends with its connection, also with one that we close ourselves."""
    sink = io.BytesIO()
    with RawServer(dripping_body_without_length) as server:
        dot = connect(server.url, timeout=1)
        call = _history_into(sink, timeout=1)

        with pytest.raises(DotTimeoutError):
            dot.send(call)


def test_a_tls_handshake_that_never_ends_is_bounded(connect: Connect) -> None:
    with RawServer(silent, read=False) as server:
        dot = connect(server.url.replace("http:", "https:"), timeout=1)

        with pytest.raises(DotUnreachableError, match="cannot be reached") as caught:
            dot.healthcheck()

        assert caught.value.sent is False


def test_a_server_that_does_not_accept_is_reported_as_never_reached(connect: Connect) -> None:
    """Linux drops connections beyond a full backlog, which looks like a firewall that swallows packets."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        dot = connect(f"http://127.0.0.1:{address[1]}", timeout=1)

        with pytest.raises(DotUnreachableError) as caught:
            dot.healthcheck()

        assert caught.value.sent is False
        for filler in fillers:
            filler.close()


def test_a_connection_stays_usable_after_its_deadline_has_passed(connect: Connect) -> None:
    """The deadline of a finished request never closes the connection under the next one."""

    def slowly_once(connection: Connection) -> None:
        if len(server.requests) == 1:
            dripping_body_without_length(connection)
        connection.send(response(b'{"status": "ok"}'))

    with RawServer(slowly_once) as server:
        dot = connect(server.url, timeout=1)
        with pytest.raises(DotTimeoutError):
            dot.healthcheck()

        assert [dot.healthcheck().raw for _ in range(3)] == [{"status": "ok"}] * 3


def _history_into(sink: io.BytesIO, timeout: float):
    from dataclasses import replace

    from dot_provider.api.history import download_history

    return replace(download_history("2026-01-01", "2026-01-02", sink), timeout=timeout)


def hang(connection: Connection) -> None:
    connection.hang()


def test_requests_side_by_side_share_one_thread() -> None:
    with RawServer(lambda connection: connection.send(response(b"{}"))) as server:
        dot = DotClient("t", server.url)
        threads = [threading.Thread(target=dot.healthcheck) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len([t for t in threading.enumerate() if t.name == "dot-deadlines"]) == 1


def test_each_request_ends_by_its_own_deadline() -> None:
    """The later one is watched first, so that the thread has to be woken for the earlier one."""
    with total_deadline(30) as later, total_deadline(0.05) as earlier:
        while not earlier.passed:
            time.sleep(0.01)

    assert not later.passed


def test_a_deadline_that_is_over_passes_no_more() -> None:
    with total_deadline(0.05) as deadline:
        pass
    time.sleep(0.1)

    assert not deadline.passed


def test_outside_of_a_request_there_is_no_deadline() -> None:
    with total_deadline(1) as deadline:
        assert current_deadline() is deadline

    assert current_deadline() is None


def test_without_a_deadline_the_adapter_is_like_any_other() -> None:
    with RawServer(lambda connection: connection.send(response(b"{}"))) as server, requests.Session() as session:
        session.trust_env = False
        session.mount("http://", WatchedAdapter())
        assert session.get(server.url, timeout=60).json() == {}


def test_a_connection_that_stands_too_late_is_not_used() -> None:
    deadline = Deadline(1)
    deadline.pass_()

    with pytest.raises(TimeoutError):
        deadline.connection_stands(type("Connection", (), {"sock": None})())

    assert not deadline.connected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_a_watchdog_of_its_own() -> None:
    """Airflow and Celery fork their workers from a process that may have used a client already."""
    with RawServer(hang) as server:
        dot = DotClient("t", server.url, timeout=1)
        _ends_in_time(dot)

        child = os.fork()
        if child == 0:
            os._exit(0 if _ends_in_time(dot) else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _ends_in_time(dot: DotClient) -> bool:
    from dataclasses import replace

    from dot_provider.api.users import healthcheck

    try:
        dot.send(replace(healthcheck(), repeatable=False))
    except DotTimeoutError:
        return True
    return False
