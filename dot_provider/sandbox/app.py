"""The sandbox as an ASGI application: its endpoints, in a layer that records requests and misbehaves when told to."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import copy

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from starlette.datastructures import State
from starlette.types import Message, Receive, Scope, Send

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

_ALWAYS = (users, asking, conversations, connections, external_assets, history, notes, pages, control)
_NEWER = (connections, asking, dbt, environments, evaluations, notes)
_UNRECORDED = ("/sandbox/", "/favicon.ico")


def build_app(workspace: Workspace) -> FastAPI:
    """Return the application of one workspace."""
    app = copy(_endpoints(workspace.settings.older))
    app.state = State({"workspace": workspace})
    return app


@functools.cache  # FastAPI takes a tenth of a second to read the signatures
def _endpoints(older: bool) -> FastAPI:
    """Return the endpoints, which know no workspace; an older Dot lacks the newer ones."""
    app = FastAPI(title="Dot sandbox", docs_url=None, redoc_url=None, dependencies=[Depends(_refuse_unshowable)])
    for noun in _ALWAYS:
        app.include_router(noun.router)
    for noun in () if older else _NEWER:
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
        request = self._workspace.recorder.arrived(scope, body)

        async def recorded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
            await send(message)

        fault = self._workspace.faults.take(scope["method"], path)
        real = functools.partial(self._app, scope, _received_again(body, receive))
        if fault is None:
            await real(recorded_send)
        else:
            await _misbehave(fault, real, scope, receive, recorded_send)


def _received_again(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` for a request whose body was read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

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


async def _misbehave(
    fault: Fault, app: Callable[[Send], Awaitable[None]], scope: Scope, receive: Receive, send: Send
) -> None:
    real = await _collected(app) if fault.effect else None
    await asyncio.sleep(fault.latency)
    if fault.lose is not None:
        await _lose(fault, scope, receive)
        return
    response = fault.response() if fault.replaces else real or await _collected(app)
    for name, value in fault.extra_headers():
        response.headers.append(name, value)
    if not fault.truncate:
        await response(scope, receive, send)
        return
    response.headers["content-length"] = str(max(1, len(response.body)))
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
    half = bytes(response.body[: len(response.body) // 2])
    await send({"type": "http.response.body", "body": half, "more_body": True})
    scope["state"]["transport"].close()
    await _disconnected(receive)


async def _collected(app: Callable[[Send], Awaitable[None]]) -> Response:
    """Return the whole response of the application."""
    messages: list[Message] = []

    async def collect(message: Message) -> None:
        messages.append(message)

    await app(collect)
    start, *rest = messages
    response = Response(b"".join(message.get("body", b"") for message in rest), start["status"])
    response.raw_headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    response.headers["content-length"] = str(len(response.body))
    return response


async def _lose(fault: Fault, scope: Scope, receive: Receive) -> None:
    if fault.lose == "reset":
        transport = scope["state"]["transport"]
        # A linger time of zero makes closing send RST, which the client sees as a connection reset.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
