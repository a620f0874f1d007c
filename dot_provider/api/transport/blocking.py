"""Requests over the ``requests`` library: no redirects, no netrc, no cookies, a total deadline, a size cap."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from dot_provider.api.errors import DotConfigError, DotError, DotTimeoutError, DotUnreachableError
from dot_provider.api.transport.watchdog import Deadline, WatchedAdapter, total_deadline
from dot_provider.api.wire import Body, Request, Response

CHUNK = 1 << 16


class BlockingTransport:
    """Sends one request at a time per thread, over a pool of connections that threads share."""

    def __init__(self, connections: int = 32) -> None:
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = WatchedAdapter(pool_maxsize=connections)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def exchange(self, request: Request) -> Response:
        """Send ``request`` and read the response whole.

        Raises:
            DotUnreachableError: no connection, or it broke.
            DotTimeoutError: the request's time passed.
            DotProtocolError: the body is too large or damaged.
        """
        if request.sink is not None:
            request.sink.seek(0)
            request.sink.truncate()
        with total_deadline(request.timeout) as deadline:
            try:
                return self._send(request)
            except DotError:
                if deadline.passed:
                    raise timed_out(request) from None
                raise
            except (requests.RequestException, HTTPError, OSError, ValueError, AttributeError) as error:
                raise _translated(request, error, deadline) from None

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _send(self, request: Request) -> Response:
        prepared = requests.Request(request.method, request.url, headers=dict(request.headers), data=request.body)
        settings = self._session.merge_environment_settings(request.url, {}, True, None, None)
        response = self._session.send(prepared.prepare(), timeout=request.timeout, allow_redirects=False, **settings)
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            body = Body(request, response.status_code, headers)
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                body.feed(chunk)
            return Response(response.status_code, headers, body.finish())
        finally:
            response.close()


def timed_out(request: Request) -> DotTimeoutError:
    """Return the error for a request whose time has passed."""
    return DotTimeoutError(f"{request.name}: no complete answer within {request.timeout:g} s.")


def unreachable(request: Request, why: str, *, sent: bool) -> DotUnreachableError:
    """Return the error for a request that found no server, or lost it."""
    host = request.url.split("/")[2].rpartition("@")[2]
    return DotUnreachableError(f"{request.name}: {why} ({host}). Check base_url, network and proxy.", sent=sent)


def _translated(request: Request, error: Exception, deadline: Deadline) -> DotError:
    """Turn a library's exception into ours; its text is left out because it can hold the URL or a header."""
    if deadline.passed or isinstance(error, requests.ReadTimeout):
        return timed_out(request)
    if isinstance(error, requests.exceptions.ProxyError):
        return unreachable(request, "the proxy cannot be reached or refuses", sent=False)
    if isinstance(error, requests.exceptions.SSLError):
        return DotConfigError(
            f"{request.name}: the server's TLS certificate is not trusted: set REQUESTS_CA_BUNDLE to your company's CA."
        )
    if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return unreachable(request, "the server cannot be reached", sent=False)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
        return DotConfigError(f"{request.name}: an id, base_url or header cannot be sent over HTTP.")
    return unreachable(request, "the connection broke before the answer was complete", sent=True)


def _never_connected(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, NewConnectionError | ConnectionRefusedError):
            return True
        reasons = [a for a in (getattr(error, "reason", None), *error.args) if isinstance(a, BaseException)]
        error = reasons[0] if reasons else None
    return False
