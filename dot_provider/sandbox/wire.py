"""The outermost layer: records each request, and misbehaves on the wire when told to."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from dot_provider.sandbox.faults import Fault
from dot_provider.sandbox.workspace import Workspace

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_UNRECORDED = ("/sandbox/", "/favicon.ico")


class Wire:
    """An ASGI application around the sandbox's; ``scope["state"]["transport"]`` is the connection."""

    def __init__(self, app: App, workspace: Workspace) -> None:
        self._app = app
        self._workspace = workspace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or give it up when the sandbox stops."""
        with suppress(asyncio.CancelledError):
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "/")
        if scope["type"] != "http" or path == "/" or path.startswith(_UNRECORDED):
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        recorder = self._workspace.recorder
        number = recorder.arrived(scope, body)

        async def recorded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                recorder.answered(number, message["status"])
            await send(message)

        fault = self._workspace.faults.take(scope["method"], path)
        app = _Replayed(self._app, scope, body, receive)
        if fault is None:
            await app(recorded_send)
            return
        response = await _faulty_response(fault, app)
        if fault.lose is not None:
            await _lose(fault, scope, receive)
        elif fault.truncate or fault.drip is not None:
            recorder.answered(number, response.status)
            await _send_raw(fault, response, scope, receive)
        else:
            await response.send_by(recorded_send)


class _Replayed:
    """The sandbox's application, called with a request whose body was read already."""

    def __init__(self, app: App, scope: Scope, body: bytes, receive: Receive) -> None:
        self._app, self._scope, self._receive = app, scope, receive
        self._body: bytes | None = body

    async def __call__(self, send: Send) -> None:
        await self._app(self._scope, self._next, send)

    async def _next(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Response:
    """A whole response, in memory."""

    def __init__(self, status: int = 500, headers: list[tuple[str, str]] | None = None, body: bytes = b""):
        self.status = status
        self.headers = headers or []
        self.body = bytearray(body)

    async def collect(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message["headers"]]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def send_by(self, send: Send) -> None:
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in self._with_length(len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body)})

    def head(self, length: int | None) -> bytes:
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else ""
        lines = [f"HTTP/1.1 {self.status} {phrase}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in self._with_length(length)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _with_length(self, length: int | None) -> list[tuple[str, str]]:
        framing = ("content-length", "transfer-encoding", "connection")
        headers = [(name, value) for name, value in self.headers if name.lower() not in framing]
        return headers if length is None else [*headers, ("content-length", str(length))]


async def _whole_body(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def _faulty_response(fault: Fault, app: _Replayed) -> _Response:
    real = _Response()
    if fault.effect:
        await app(real.collect)
    await asyncio.sleep(fault.latency)
    if fault.replaces:
        return _Response(*fault.response())
    if not fault.effect and fault.lose is None:
        await app(real.collect)
    real.headers += fault.extra_headers()
    return real


async def _lose(fault: Fault, scope: Scope, receive: Receive) -> None:
    if fault.lose == "reset":
        transport = scope["state"]["transport"]
        # A linger time of zero makes closing send RST, which the client sees as a connection reset.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    await _disconnected(receive)


async def _send_raw(fault: Fault, response: _Response, scope: Scope, receive: Receive) -> None:
    transport: asyncio.Transport = scope["state"]["transport"]
    body = bytes(response.body)
    length: int | None = len(body)
    if fault.truncate == "close":
        body, length = body[: len(body) // 2], None
    elif fault.truncate:
        body, length = body[: len(body) // 2], max(1, len(body))
    transport.write(response.head(length))
    if fault.drip is None:
        transport.write(body)
    else:
        for position in range(len(body)):
            if transport.is_closing():
                break
            transport.write(body[position : position + 1])
            await asyncio.sleep(fault.drip)
    transport.close()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
