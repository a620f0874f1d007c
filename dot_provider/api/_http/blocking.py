"""Requests over the ``requests`` library: no redirects, no netrc, no cookies, a total deadline, a size cap.

Of that library only the adapter is used, which brings connection pools, TLS and proxies. The session around it would
add what we refuse: it follows redirects with our key, keeps cookies, and reads ``~/.netrc``.
"""

from __future__ import annotations

import http.client
import logging
import re
from collections.abc import Mapping

import requests
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError, InvalidHeader

from dot_provider._forks import leave_to_parent, start_anew_when_forked
from dot_provider.api._core.messages import Body, Request, Response
from dot_provider.api._http.deadline import Deadline, WatchedAdapter, current_deadline, total_deadline
from dot_provider.api._http.failures import broken, garbled, not_connected, timed_out, unusable
from dot_provider.api._http.way_out import Proxy, Surroundings, ca_bundle, check_way_out
from dot_provider.api.errors import DotError

CHUNK = 1 << 16

_LIBRARY_ERRORS = (requests.RequestException, HTTPError, OSError, ValueError)


class BlockingTransport:
    """Sends one request at a time per thread, over a pool of connections that threads share."""

    def __init__(self, connections: int = 32) -> None:
        self._adapter = WatchedAdapter(pool_maxsize=connections)
        self._connections = connections
        self._surroundings = Surroundings()
        start_anew_when_forked(self)

    def start_anew(self) -> None:
        """Open connections of one's own, in a forked process."""
        leave_to_parent(self._adapter)
        self._adapter = WatchedAdapter(pool_maxsize=self._connections)

    def exchange(self, request: Request) -> Response:
        """Send ``request`` and read the response whole.

        Raises:
            DotUnreachableError: no connection, or it broke.
            DotTimeoutError: the request's time passed.
            DotProtocolError: the body is too large or damaged.
            DotConfigError: proxy, certificates or URL cannot be used.
        """
        request.rewind_sink()
        proxy = self._surroundings.proxy_for(request.url)
        with total_deadline(request.timeout) as deadline:
            try:
                response = self._send(request, proxy)
            except Exception as error:
                failure = _translated(request, error, deadline, proxy)
            else:
                if not deadline.passed:  # a body that ends with its connection looks whole when we cut it
                    return response
                failure = timed_out(request)
        # Raised out here, so that no library's exception or frame hangs on ours: those hold the URL and headers.
        raise failure

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def _send(self, request: Request, proxy: Proxy | None) -> Response:
        check_way_out(request, proxy)
        response = self._adapter.send(
            _prepared(request),
            stream=True,
            timeout=request.timeout,
            verify=ca_bundle(),
            proxies={"http": proxy.url, "https": proxy.url} if proxy else {},
        )
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            _check_head(request, response.raw.headers)
            body, received = Body(request, response.status_code, headers), 0
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                received += len(chunk)
                body.feed(chunk)
            _check_headers_were_whole(request, response.status_code, headers, received)
            return Response(response.status_code, headers, body.finish())
        finally:
            response.close()


def _prepared(request: Request) -> requests.PreparedRequest:
    prepared = requests.PreparedRequest()
    prepared.method, prepared.url, prepared.body = request.method, request.url, request.body
    prepared.headers = CaseInsensitiveDict(request.headers)
    if request.body is not None:
        prepared.headers["Content-Length"] = str(len(request.body))
    return prepared


def _check_head(request: Request, headers: HTTPHeaderDict) -> None:
    """Refuse headers that leave open where the answer ends, as the other transport's library does.

    A length beside chunks, or two lengths, is how one answer is smuggled into another
    (https://www.rfc-editor.org/rfc/rfc9112#section-6.3); ``http.client`` takes its pick.
    """
    lengths = headers.getlist("content-length")
    ambiguous = len(lengths) > 1 or bool(lengths and "transfer-encoding" in headers)
    if ambiguous or not all(re.fullmatch("[0-9]+", length) for length in lengths):
        raise garbled(request)
    if any(not re.fullmatch(r"[!-9;-~]+", name) or re.search(r"[\0\r\n]", value) for name, value in headers.items()):
        raise garbled(request)


def _check_headers_were_whole(request: Request, status: int, headers: Mapping[str, str], received: int) -> None:
    """Refuse what ``http.client`` makes of a connection that ended within the headers.

    It takes that for the end of the headers, which leaves a success with nothing in it, and nothing that says how long
    it should have been.
    """
    bounded = "content-length" in headers or "transfer-encoding" in headers
    if received == 0 and not bounded and 200 <= status < 300 and status not in (204, 205):
        raise broken(request)


def _translated(request: Request, error: Exception, deadline: Deadline, proxy: Proxy | None) -> DotError:
    """Turn what ended a request into our error; a library's text is left out because it can hold the URL or a header.

    Raises:
        Exception: ``error`` itself, where it is no library's way to say that the request failed.
    """
    if deadline.connected and (deadline.passed or isinstance(error, requests.ReadTimeout)):
        return timed_out(request)
    if isinstance(error, DotError):
        return error.with_traceback(None)
    if deadline.passed:
        return not_connected(request, TimeoutError(), proxy)
    if not isinstance(error, _LIBRARY_ERRORS):
        raise error
    if deadline.connected:
        return garbled(request) if _is_no_http(error) else broken(request)
    if isinstance(error, ValueError):  # an address or header that the library will not send
        return unusable(request)
    return not_connected(request, error, proxy)


def _is_no_http(error: BaseException | None) -> bool:
    """Whether the server sent something else than HTTP, rather than nothing, or not all of it."""
    if error is None or isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return False
    strange = isinstance(error, http.client.HTTPException | InvalidHeader) or type(error) is ValueError
    return strange or _is_no_http(error.__cause__ or error.__context__)


class _OursUnlogged(logging.Filter):
    """Drops what urllib3 logs on our requests: it shows whole URLs, and a URL can hold a secret.

    The client logs each request itself, by its name, and says in its errors what went wrong.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return current_deadline() is None


for _name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_OursUnlogged())
