from __future__ import annotations

import gzip
import io
import subprocess
import sys
import textwrap
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api._core.messages import Body, Response
from dot_provider.api.errors import DotProtocolError, DotUsageError
from tests.api.samples import request

PLAIN: dict[str, str] = {}
GZIP = {"content-encoding": "gzip"}


def collect(chunks: list[bytes], headers: dict[str, str], status: int = 200, sink: BinaryIO | None = None) -> bytes:
    body = Body(request(sink=sink), status, headers)
    for chunk in chunks:
        body.feed(chunk)
    return body.finish()


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 64), st.booleans())
def test_a_body_is_the_same_however_the_network_cuts_it(members: list[bytes], size: int, zipped: bool) -> None:
    whole = b"".join(members)
    sent = b"".join(map(gzip.compress, members)) if zipped else whole
    chunks = [sent[i : i + size] for i in range(0, len(sent), size)]
    assert collect(chunks, GZIP if zipped else PLAIN) == whole


@pytest.mark.parametrize("encoding", ["identity", "", " GZIP ", "x-gzip"])
def test_encodings_are_known_by_their_names(encoding: str) -> None:
    sent = gzip.compress(b"{}") if "gzip" in encoding.lower() else b"{}"
    assert collect([sent], {"content-encoding": encoding}) == b"{}"


def test_padding_behind_a_gzip_body_is_no_error() -> None:
    assert collect([gzip.compress(b"{}") + b"\x00\x00"], GZIP) == b"{}"


def test_a_gzip_header_on_an_empty_body_is_no_error() -> None:
    assert collect([b""], GZIP) == b""


def test_an_encoding_that_was_not_asked_for_is_named() -> None:
    with pytest.raises(DotProtocolError, match="did not ask for: br"):
        collect([b"x"], {"content-encoding": "br"})


def test_a_cut_gzip_body_is_retryable() -> None:
    with pytest.raises(DotProtocolError, match="cut off") as caught:
        collect([gzip.compress(b"[1, 2, 3]" * 50)[:-9]], GZIP)
    assert caught.value.retryable


def test_damaged_gzip_is_retryable() -> None:
    with pytest.raises(DotProtocolError, match="no valid gzip") as caught:
        collect([b"{}"], GZIP)
    assert caught.value.retryable


@pytest.mark.parametrize("zipped", [True, False])
def test_a_body_beyond_the_cap_is_refused_with_advice(zipped: bool) -> None:
    big = bytes(range(256)) * 4097
    with pytest.raises(DotProtocolError, match="larger than 1 MiB: ask for less") as caught:
        collect([gzip.compress(big, 1) if zipped else big], GZIP if zipped else PLAIN)
    assert not caught.value.retryable


def test_a_body_that_unpacks_beyond_reason_is_refused_before_the_cap() -> None:
    body = Body(request(max_body_bytes=1 << 40), 200, GZIP)
    with pytest.raises(DotProtocolError, match="unpacks to more than 500 times its size"):
        body.feed(gzip.compress(bytes(30_000_000), 9))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory of a process from /proc")
def test_a_bomb_is_refused_within_64_mib_of_memory() -> None:
    """292 kB that unpack to 300 MB, through the real client: the whole process stays below 64 MiB."""
    program = textwrap.dedent(
        """
        import http.server, pathlib, threading, zlib
        from dot_provider.api import DotClient, DotProtocolError

        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(286)) + packer.flush()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(bomb)))
                self.end_headers()
                try:
                    self.wfile.write(bomb)
                except OSError:
                    pass
            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        dot = DotClient(token="t", base_url=f"http://127.0.0.1:{server.server_port}")
        try:
            dot.whoami()
        except DotProtocolError as error:
            status = pathlib.Path("/proc/self/status").read_text()  # getrusage would count the process that forked us
            print(len(bomb), int(status.split("VmHWM:")[1].split()[0]) // 1024, error)
        """
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    wire, peak, message = ran.stdout.split(" ", 2)
    assert int(wire) < 300_000
    assert "unpacks" in message
    assert int(peak) < 64


@pytest.mark.parametrize(
    ("headers", "sent", "kept"),
    [
        (PLAIN, b"overloaded", b"overloaded"),
        (GZIP, gzip.compress(b"overloaded"), b"overloaded"),
        (GZIP, b"overloaded", b""),
        (GZIP, gzip.compress(b"overloaded" * 99)[:-12], b""),
        ({"content-encoding": "br"}, b"\x0b\x02overloaded", b""),
    ],
    ids=["plain", "gzip", "not gzip", "cut gzip", "another encoding"],
)
def test_a_failure_is_never_hidden_by_the_encoding_of_its_page(
    headers: dict[str, str], sent: bytes, kept: bytes
) -> None:
    assert collect([sent], headers, status=503) == kept


@pytest.mark.parametrize("zipped", [True, False])
def test_of_an_endless_error_page_only_the_head_is_kept(zipped: bool) -> None:
    page = bytes(range(256)) * 8192
    sent = gzip.compress(page) if zipped else page
    chunks = [sent[i : i + 65536] for i in range(0, len(sent), 65536)]
    sink = io.BytesIO()
    assert collect(chunks, GZIP if zipped else PLAIN, status=502, sink=sink) == page[: 1 << 18]
    assert sink.getvalue() == b""


def test_a_sink_gets_the_body_and_memory_only_its_head() -> None:
    body = bytes(range(256)) * 4000
    sink = io.BytesIO()
    assert collect([body[:300_000], body[300_000:]], PLAIN, sink=sink) == body[: 1 << 18]
    assert sink.getvalue() == body


def test_a_sink_that_cannot_be_written_is_the_callers_to_mend() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(DotUsageError, match=r"cannot be written: No space left on device\."):
        collect([b"[]"], PLAIN, sink=Full())


def test_a_sink_is_emptied_before_each_attempt() -> None:
    sink = io.BytesIO(b"half of an earlier attempt")
    request(sink=sink).rewind_sink()
    request().rewind_sink()
    assert sink.getvalue() == b""


@pytest.mark.parametrize(
    ("header", "shown"),
    [("application/json; charset=utf-8", "application/json"), (" text/html ", "text/html"), ("", "no content type")],
)
def test_a_content_type_is_shown_without_parameters(header: str, shown: str) -> None:
    assert Response(200, {"content-type": header}, b"").content_type == shown


@pytest.mark.parametrize("body", [b"<html>", b"  \n<!doctype html>", b"\xef\xbb\xbf<html>", b" " * 5000 + b"<html>"])
def test_a_web_page_is_recognized_by_how_it_begins(body: bytes) -> None:
    assert Response(200, {}, body).is_page
    assert not Response(200, {}, b"[" + body).is_page


def test_neither_request_nor_response_shows_what_can_be_secret() -> None:
    shown = repr(request(sink=io.BytesIO(b"secret"))) + repr(Response(200, {}, b"secret"))
    assert "secret" not in shown
    assert "http://" not in shown
