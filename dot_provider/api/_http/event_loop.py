"""Requests over ``aiohttp``, on an event loop: the same promises as the blocking transport."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from dot_provider._forks import leave_to_parent, start_anew_when_forked
from dot_provider.api._core.messages import Body, Request, Response
from dot_provider.api._http.failures import broken, crowded_out, garbled, not_connected, timed_out, unusable
from dot_provider.api._http.way_out import Proxy, Surroundings, ca_bundle, check_way_out
from dot_provider.api.errors import DotError, DotUsageError

CHUNK = 1 << 16
LONGEST_HEADER = 1 << 16
"""Bytes of one response header; what the blocking transport's library takes."""


@dataclass
class _Progress:
    """How far one request has come: waiting for a free connection; over one, so that the server may have seen it."""

    queued: bool = False
    connected: bool = False
    sent: bool = False


class EventLoopTransport:
    """Sends requests side by side on one event loop, over one pool of connections."""

    def __init__(self, connections: int = 100) -> None:
        self._connections = connections
        self._surroundings = Surroundings()
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        start_anew_when_forked(self)

    def start_anew(self) -> None:
        """Open connections of one's own, on a loop of one's own, in a forked process."""
        leave_to_parent(self._session)
        self._session = None

    async def exchange(self, request: Request) -> Response:
        """Send ``request`` and read the response whole.

        Raises:
            DotUnreachableError: no connection, or it broke.
            DotTimeoutError: the request's time passed.
            DotProtocolError: the body is too large or damaged.
            DotConfigError: proxy, certificates or URL cannot be used.
            DotUsageError: the client was used on another event loop before.
        """
        request.rewind_sink()
        proxy = self._surroundings.proxy_for(request.url)
        progress = _Progress()
        try:
            return await self._send(request, proxy, progress)
        except DotError as error:
            failure = error.with_traceback(None)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, UnicodeError) as error:
            failure = _translated(request, error, proxy, progress)
        # Raised out here, so that no library's exception or frame hangs on ours: those hold the URL and headers.
        raise failure

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, request: Request, proxy: Proxy | None, progress: _Progress) -> Response:
        if request.dot_host:
            await asyncio.wait_for(asyncio.to_thread(check_way_out, request, proxy), request.timeout)
        way = _through(proxy, request.url)
        async with self._opened().request(
            request.method,
            URL(request.url, encoded=True),
            headers={**request.headers, **way.pop("headers", {})},
            data=request.body,
            timeout=aiohttp.ClientTimeout(total=request.timeout),
            allow_redirects=False,
            trace_request_ctx=progress,
            **way,
        ) as response:
            if response.version is not None and response.version > aiohttp.HttpVersion11:
                raise garbled(request)
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = Body(request, response.status, headers)
            async for chunk in response.content.iter_chunked(CHUNK):
                body.feed(chunk)
            return Response(response.status, headers, body.finish())

    def _opened(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is not None and self._loop is not loop:
            raise DotUsageError("An AsyncDotClient stays with the event loop it was first used on: make one per loop.")
        if self._session is None:
            self._loop = loop
            # trust_env stays off: with it aiohttp sends passwords from ~/.netrc. Proxies are looked up above.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=_tls()),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trace_configs=[_tracing()],
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
            )
        return self._session


def _tls() -> ssl.SSLContext:
    bundle = ca_bundle()
    if os.path.isdir(bundle):  # noqa: PTH112 - a path that is handed on as text
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


def _through(proxy: Proxy | None, url: str) -> dict[str, Any]:
    """Return what aiohttp needs to know about a proxy: a password goes in a header, to the proxy alone."""
    if proxy is None:
        return {}
    address = URL(proxy.url)
    if address.user is None:
        return {"proxy": address}
    login = base64.b64encode(f"{address.user}:{address.password or ''}".encode()).decode()
    header = {"Proxy-Authorization": f"Basic {login}"}
    # Plain requests have no tunnel of their own, whose headers these would be.
    place = "proxy_headers" if url.startswith("https:") else "headers"
    return {"proxy": address.with_user(None), place: header}


def _tracing() -> aiohttp.TraceConfig:
    """Note in each request's ``_Progress`` how far it has come."""
    tracing = aiohttp.TraceConfig()

    async def queued(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.queued = True

    async def connecting(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.queued = False

    async def connected(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.connected = True

    async def sending(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        # aiohttp sends GET, PUT and DELETE again by itself; ours are counted, waited for and bounded by a budget.
        if context.trace_request_ctx.sent:
            raise aiohttp.ServerDisconnectedError
        context.trace_request_ctx.sent = True

    tracing.on_request_headers_sent.append(sending)
    tracing.on_connection_queued_start.append(queued)
    tracing.on_connection_queued_end.append(connecting)
    tracing.on_connection_create_end.append(connected)
    tracing.on_connection_reuseconn.append(connected)
    return tracing


def _translated(request: Request, error: Exception, proxy: Proxy | None, progress: _Progress) -> DotError:
    """Turn a library's exception into ours; its text is left out because it can hold the URL or a header."""
    if progress.connected and isinstance(error, aiohttp.ClientResponseError):
        return garbled(request)
    if progress.connected:
        return timed_out(request) if isinstance(error, asyncio.TimeoutError) else broken(request)
    if progress.queued:
        return crowded_out(request)
    if isinstance(error, aiohttp.InvalidURL | UnicodeError):  # a host that the name service cannot be asked for
        return unusable(request)
    # Before Python 3.11 their timeout is none of the system's.
    return not_connected(request, TimeoutError() if isinstance(error, asyncio.TimeoutError) else error, proxy)
