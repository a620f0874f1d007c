"""Requests over ``aiohttp``, on an event loop: the same promises as the blocking transport."""

from __future__ import annotations

import asyncio
import os
import ssl

import aiohttp
from yarl import URL

from dot_provider.api.errors import DotConfigError, DotError
from dot_provider.api.transport.blocking import timed_out, unreachable
from dot_provider.api.wire import Body, Request, Response

CHUNK = 1 << 16


class EventLoopTransport:
    """Sends requests side by side on one event loop, over one pool of connections."""

    def __init__(self, connections: int = 100) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def exchange(self, request: Request) -> Response:
        """Send ``request`` and read the response whole.

        Raises:
            DotUnreachableError: no connection, or it broke.
            DotTimeoutError: the request's time passed.
            DotProtocolError: the body is too large or damaged.
        """
        if request.sink is not None:
            request.sink.seek(0)
            request.sink.truncate()
        try:
            return await self._send(request)
        except asyncio.TimeoutError:
            raise timed_out(request) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(request, error) from None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, request: Request) -> Response:
        async with self._opened().request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=request.body,
            timeout=aiohttp.ClientTimeout(total=request.timeout),
            allow_redirects=False,
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = Body(request, response.status, headers)
            async for chunk in response.content.iter_chunked(CHUNK):
                body.feed(chunk)
            return Response(response.status, headers, body.finish())

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=_tls()),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=True,
            )
        return self._session


def _tls() -> ssl.SSLContext | bool:
    # The variables that the requests library reads, so that both transports trust the same certificates.
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if not bundle:
        return True
    if os.path.isdir(bundle):  # noqa: PTH112 - no pathlib on the way of every request
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)


def _translated(request: Request, error: Exception) -> DotError:
    """Turn a library's exception into ours; its text is left out because it can hold the URL or a header."""
    if isinstance(error, aiohttp.ClientSSLError):
        return DotConfigError(
            f"{request.name}: the server's TLS certificate is not trusted: set REQUESTS_CA_BUNDLE to your company's CA."
        )
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
        return unreachable(request, "the proxy cannot be reached or refuses", sent=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        return unreachable(request, "the server cannot be reached", sent=False)
    if isinstance(error, aiohttp.InvalidURL):
        return DotConfigError(f"{request.name}: an id or base_url cannot be sent over HTTP.")
    return unreachable(request, "the connection broke before the answer was complete", sent=True)
