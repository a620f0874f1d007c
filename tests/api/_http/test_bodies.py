"""A body that is too large, cut or garbled ends as our own error, on both transports."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from dot_provider.api import DotConfigError, DotProtocolError, DotUnreachableError, DotUsageError
from dot_provider.api._core.send import RetryBudget, Session
from dot_provider.api.users import healthcheck
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.clock import FakeClock
from tests.raw_server import Connection, RawServer, response, without_length

JSON = json.dumps({"status": "ok", "padding": "x" * 5000}).encode()


def _answers(data: bytes):
    return lambda connection: connection.send(data)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="closed without an answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-", id="cut in the headers"),
        pytest.param(response(JSON, length=len(JSON) + 1000), id="shorter than promised"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + JSON, id="cut in a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n", id="cut before a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", id="not a chunk"),
        pytest.param(without_length(JSON[:-100]), id="cut without a length"),
        pytest.param(without_length(gzip.compress(JSON)[:-12], headers="Content-Encoding: gzip\r\n"), id="cut in gzip"),
        pytest.param(response(JSON, headers="Content-Encoding: gzip\r\n"), id="not gzip at all"),
        pytest.param(b"nonsense\r\n\r\n", id="no HTTP"),
    ],
)
def test_a_broken_answer_to_a_repeatable_call_is_fetched_again(connect: Connect, data: bytes, times: int) -> None:
    def broken_first(connection: Connection) -> None:
        connection.send(data if len(server.requests) <= times else response(JSON))

    with RawServer(broken_first) as server:
        assert connect(server.url).healthcheck().raw["status"] == "ok"

    assert len(server.requests) == times + 1


def test_an_answer_that_stays_cut_ends_as_a_retryable_error(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/auth/me", truncate=True, times=20)

    with pytest.raises((DotProtocolError, DotUnreachableError)) as caught:
        connect(dot.base_url).whoami()

    assert caught.value.retryable
    assert len(dot.requests) == 6


def test_a_reset_is_reported_as_a_request_that_may_have_been_served(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/auth/me", lose="reset", times=20)

    with pytest.raises(DotUnreachableError, match="broke before the answer was complete") as caught:
        connect(dot.base_url).whoami()

    assert caught.value.sent is True


def test_a_refused_connection_is_reported_as_never_sent(connect: Connect) -> None:
    with RawServer(_answers(b"")) as server:
        gone = server.url

    with pytest.raises(DotUnreachableError, match="cannot be reached") as caught:
        connect(gone).whoami()

    assert caught.value.sent is False


def test_a_host_without_address_is_reported_as_never_sent(connect: Connect) -> None:
    with pytest.raises(DotUnreachableError, match=r"https://dot\.invalid cannot be reached") as caught:
        connect("https://dot.invalid").whoami()

    assert caught.value.sent is False


def test_two_refused_connections_and_the_post_is_sent_once(connect: Connect) -> None:
    """A request that never left is sent again, also one that must not be repeated."""
    with RawServer(_answers(response(b"{}"))) as gone:
        port = gone.port
    clock = StartsAServer(port, after=2)

    connect(f"http://127.0.0.1:{port}", clock=clock).send_invitations(["a@example.com"])

    assert len(clock.waits) == 2
    assert len(clock.server.requests) == 1


def test_a_page_of_a_proxy_is_named_by_its_title(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/auth/me", body="<html><head><title>Sign in to Acme</title></head></html>")

    with pytest.raises(DotProtocolError, match=r"web page titled 'Sign in to Acme'.*proxy or login page"):
        connect(dot.base_url).whoami()

    assert len(dot.requests) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"email": "\xff\xfe"}', "UTF-8"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"not json", "not JSON"),
    ],
)
def test_a_garbled_answer_is_an_error_of_ours(connect: Connect, dot: Sandbox, body: bytes, words: str) -> None:
    dot.fail_next("/auth/me", body=body, times=20)

    with pytest.raises(DotProtocolError, match=words):
        connect(dot.base_url).whoami()


def test_an_answer_above_the_cap_is_refused_and_not_fetched_again(
    connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(dot.base_url)
    _limit(client, 1 << 20, monkeypatch)
    dot.fail_next("/auth/me", body=b'"' + b"x" * (2 << 20) + b'"', times=20)

    with pytest.raises(DotProtocolError, match="larger than 1 MiB"):
        client.whoami()

    assert len(dot.requests) == 1


def test_an_endless_answer_is_refused_at_the_cap(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(connection: Connection) -> None:
        connection.send(without_length(b""))
        while True:
            connection.send(b" " * 65536)

    with RawServer(endless) as server:
        client = connect(server.url)
        _limit(client, 1 << 20, monkeypatch)

        with pytest.raises(DotProtocolError, match="larger than 1 MiB"):
            client.whoami()


@pytest.mark.parametrize("client", ["DotClient", "AsyncDotClient"])
def test_a_gzip_bomb_is_refused_within_64_mib(dot: Sandbox, client: str) -> None:
    """300 MB that travel as 292 kB; measured in a process of its own, against a call that fetches nothing."""
    bomb = gzip.compress(b"\x20" * 300_000_000)
    dot.fail_next("/auth/me", body=bomb, headers={"Content-Encoding": "gzip"})

    before, after = (
        json.loads(
            subprocess.run(
                [sys.executable, "-c", _MEASURE, client, dot.base_url, endpoint],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for endpoint in ("healthcheck", "whoami")
    )

    assert before["error"] is None
    assert after["error"] == "DotProtocolError"
    assert after["peak_kib"] - before["peak_kib"] < 80 * 1024  # the 64 MiB that a body may have, and some change


def test_a_full_disk_is_no_broken_connection(connect: Connect, dot: Sandbox) -> None:
    class FullDisk(io.BytesIO):
        def write(self, data) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(DotUsageError, match="cannot be written: No space left on device"):
        connect(dot.base_url).download_history("2026-01-01", "2026-01-02", FullDisk())

    assert len(dot.requests) == 1


def test_a_closed_sink_is_the_callers_mistake_and_no_broken_connection(connect: Connect, dot: Sandbox) -> None:
    class Closes(io.BytesIO):
        def write(self, data) -> int:
            self.close()
            return super().write(data)

    with pytest.raises(ValueError, match="closed file"):
        connect(dot.base_url).download_history("2026-01-01", "2026-01-02", Closes())

    assert len(dot.requests) == 1


@pytest.mark.parametrize("url", ["https://dot..invalid/x", f"https://{'a' * 70}..invalid/x", "https:///x"])
def test_an_address_that_no_request_can_be_sent_to_is_an_error_of_ours(connect: Connect, url: str) -> None:
    call = replace(healthcheck(), path=url, repeatable=False)

    with pytest.raises((DotConfigError, DotUnreachableError)) as caught:
        connect("http://127.0.0.1:1").send(call)

    assert getattr(caught.value, "sent", False) is False


def test_a_sink_holds_nothing_of_an_attempt_that_failed(connect: Connect, dot: Sandbox) -> None:
    sink = io.BytesIO()
    dot.fail_next("/export_history", truncate=True)

    connect(dot.base_url).download_history("2026-01-01", "2026-01-02", sink)

    assert json.loads(sink.getvalue()) == []
    assert len(dot.requests) == 2


def test_a_long_header_is_read(connect: Connect) -> None:
    with RawServer(_answers(response(b"{}", headers=f"X-Trace: {'x' * 30_000}\r\n"))) as server:
        connect(server.url).healthcheck()


def _limit(client, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    session: Session = client.client._session
    monkeypatch.setattr(session, "server", replace(session.server, max_body_bytes=size))


class StartsAServer(FakeClock):
    """A fake clock during whose n-th wait a server comes up."""

    def __init__(self, port: int, after: int) -> None:
        super().__init__()
        self._port, self._after = port, after

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if len(self.waits) == self._after:
            self.server = RawServer(_answers(response(b"{}")), port=self._port).__enter__()


_MEASURE = """
import asyncio, json, resource, sys
from dot_provider import api
kind, url, endpoint = sys.argv[1:]
error = None
try:
    called = getattr(getattr(api, kind)("dot-sandbox-token", url), endpoint)
    if kind == "DotClient":
        called()
    else:
        async def main():
            await called()
        asyncio.run(main())
except api.DotError as exc:
    error = type(exc).__name__
print(json.dumps({"error": error, "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


CHUNKED = b"f\r\n" + b'{"status":"ok"}' + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 3", id="two lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 15", id="one length twice"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: -1", id="negative length"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: abc", id="length that is no number"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 1_5", id="length as Python writes it"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nX-A: a\0b", id="NUL in a header"),
        pytest.param(b"HTTP/2.0 200 OK\r\nContent-Length: 15", id="HTTP/2.0"),
        pytest.param(b"HTTP/3 200 OK\r\nContent-Length: 15", id="HTTP/3"),
        pytest.param(b"HTTP/1.1 abc OK\r\nContent-Length: 15", id="no status"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2", id="another protocol"),
    ],
)
def test_an_answer_that_is_no_http_is_told_alike_by_both_transports(connect: Connect, head: bytes) -> None:
    with RawServer(_answers(head + b'\r\n\r\n{"status":"ok"}')) as server:
        dot = connect(server.url)
        dot.client._session.budget = RetryBudget(tokens=0)
        with pytest.raises(
            DotUnreachableError, match=r"is no valid HTTP/1\.1: .* check what proxies on the way"
        ) as caught:
            dot.healthcheck()

    assert caught.value.sent is True
    assert len(server.requests) == 1


@pytest.mark.parametrize("chunks", [CHUNKED, CHUNKED.replace(b"f", b"-f", 1)], ids=["beside a length", "negative"])
def test_chunks_that_leave_open_where_the_answer_ends_are_refused(connect: Connect, chunks: bytes) -> None:
    length = b"Content-Length: 15\r\n" if chunks is CHUNKED else b""
    with RawServer(
        _answers(b"HTTP/1.1 200 OK\r\n" + length + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    ) as server:
        dot = connect(server.url)
        dot.client._session.budget = RetryBudget(tokens=0)
        with pytest.raises(DotUnreachableError):
            dot.healthcheck()


def test_each_request_is_one_that_the_retries_count(connect: Connect) -> None:
    """A server that closes without a reply: "Tried 6 times" means six requests, whatever the method."""
    with RawServer(_answers(b"")) as server:
        dot = connect(server.url)
        with pytest.raises(DotUnreachableError, match="Tried 6 times"):
            dot.healthcheck()
        assert len(server.requests) == 6
        with pytest.raises(DotUnreachableError):
            dot.send(replace(healthcheck(), repeatable=False))
        assert len(server.requests) == 7
        for method in ("PUT", "DELETE"):
            with pytest.raises(DotUnreachableError):
                dot.send(replace(healthcheck(), method=method, repeatable=False))
        assert len(server.requests) == 9
