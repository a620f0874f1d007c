"""A server as small as can be, in a process of its own: what is measured is the client.

It answers every request after a fixed latency, keeps connections open, and knows three bodies: a conversation whose
question Dot is still working on, an empty list of external assets, and ``{}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.serving import serving

CONVERSATION = {
    "messages": [
        {"role": "user", "content": "How many orders did we ship last week?"},
        {"role": "assistant", "content": "Looking for the tables that matter.", "additional_data": {}},
        {"role": "assistant", "content": "Writing and running SQL.", "additional_data": {}},
    ]
}


@contextmanager
def running_server(latency: float = 0.0) -> Iterator[str]:
    """Run the server, and yield its origin."""
    with serving("benchmarks.server", str(latency)) as origin:
        yield origin


class _Connection(asyncio.Protocol):
    """Answers one request after another."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._received = b""
            asyncio.get_running_loop().call_later(self._latency, self._answer, head.split(b" ", 2)[1])

    def _answer(self, target: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_RESPONSES.get(target.split(b"/")[2], _OTHER))  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    name = b"content-length:"
    return next((int(line[len(name) :]) for line in head.split(b"\r\n") if line.lower().startswith(name)), 0)


def _response(document: object) -> bytes:
    body = json.dumps(document).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


_RESPONSES = {b"c2": _response(CONVERSATION), b"external_assets": _response([])}
_OTHER = _response({})


async def _serve(latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(latency), "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
