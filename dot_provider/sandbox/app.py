"""The sandbox as an ASGI application: its endpoints, in a layer that records requests and misbehaves when told to."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request

from dot_provider.sandbox import (
    asking,
    connections,
    control,
    conversations,
    dbt,
    environments,
    evaluations,
    external_assets,
    history,
    notes,
    pages,
    users,
)
from dot_provider.sandbox.faults import Fault
from dot_provider.sandbox.recording import parsed_json
from dot_provider.sandbox.workspace import Workspace

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_ALWAYS = (users, asking, conversations, connections, external_assets, history, notes, pages, control)
_NEWER = (connections, asking, dbt, environments, evaluations, notes)
_UNRECORDED = ("/sandbox/", "/favicon.ico")


def build_app(workspace: Workspace) -> FastAPI:
    """Return the endpoints of one workspace; an older Dot lacks the newer ones."""
    app = FastAPI(title="Dot sandbox", docs_url=None, redoc_url=None, dependencies=[Depends(_refuse_unshowable)])
    app.state.workspace = workspace
    for noun in _ALWAYS:
        app.include_router(noun.router)
    for noun in () if workspace.settings.older else _NEWER:
        app.include_router(noun.newer)
    return app


async def _refuse_unshowable(request: Request) -> None:
    """Refuse, before anything is kept of it, a body that no response and no page could show again."""
    if request.headers.get("content-type", "").startswith(("application/x-www-form-urlencoded", "multipart/")):
        return
    try:
        parsed_json(await request.body() or b"null")
    except json.JSONDecodeError:
        pass  # FastAPI's to refuse
    except ValueError as error:
        raise HTTPException(422, f"The body cannot be kept: {error!r}") from None


class Wire:
    """The application as it is served; ``scope["state"]["transport"]`` is the connection."""

    def __init__(self, workspace: Workspace) -> None:
        self._app = build_app(workspace)
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
        real = functools.partial(self._app, scope, _received_again(body, receive))
        if fault is None:
            await real(recorded_send)
            return
        response = await _faulty_response(fault, real)
        if fault.lose is not None:
            await _lose(fault, scope, receive)
        elif fault.truncate or fault.drip is not None:
            recorder.answered(number, response.status)
            await _send_raw(fault, response, scope, receive)
        else:
            await response.send_by(recorded_send)


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


def _received_again(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` for a request whose body was read already."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


async def _whole_body(receive: Receive) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _faulty_response(fault: Fault, app: Callable[[Send], Awaitable[None]]) -> _Response:
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
    whole = bytes(response.body)
    sent = whole[: len(whole) // 2] if fault.truncate else whole
    promised = max(1, len(whole)) if fault.truncate else len(whole)
    transport.write(response.head(None if fault.truncate == "close" else promised))
    step = len(sent) or 1 if fault.drip is None else 1
    for position in range(0, len(sent), step):
        if transport.is_closing():
            break
        transport.write(sent[position : position + step])
        await asyncio.sleep(fault.drip or 0)
    transport.close()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
