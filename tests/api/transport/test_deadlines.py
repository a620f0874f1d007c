"""Every request ends by its deadline, whatever the server does. A transport without one would hang these tests."""

from __future__ import annotations

import io
import socket

import pytest

from dot_provider.api import DotTimeoutError, DotUnreachableError
from dot_provider.api.delivery import Session
from dot_provider.api.retry import RetryBudget
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

    from dot_provider.api.calls.history import download_history

    return replace(download_history("2026-01-01", "2026-01-02", sink), timeout=timeout)
