"""What both transports say when a request fails on the way: which host, and what to check. Never a URL or a header."""

from __future__ import annotations

from dot_provider.api.errors import DotConfigError, DotTimeoutError, DotUnreachableError
from dot_provider.api.transport.surroundings import Proxy, shown
from dot_provider.api.wire import Request


def timed_out(request: Request) -> DotTimeoutError:
    """Return the error for a request that was sent, and whose time has passed."""
    return DotTimeoutError(
        f"{request.name}: no complete answer from {shown(request.url)} within {request.timeout:g} s."
    )


def not_reached(request: Request, proxy: Proxy | None) -> DotUnreachableError:
    """Return the error for a request that certainly never left."""
    if proxy is None:
        message = f"{shown(request.url)} cannot be reached. Check base_url, network and proxy settings."
    else:
        message = (
            f"{shown(request.url)} cannot be reached through the proxy {shown(proxy.url)}. Check the proxy, and "
            "HTTPS_PROXY and NO_PROXY."
        )
    return DotUnreachableError(f"{request.name}: {message}", sent=False)


def crowded_out(request: Request) -> DotUnreachableError:
    """Return the error for a request that never left, because no connection became free for it."""
    return DotUnreachableError(
        f"{request.name}: too many requests to {shown(request.url)} are under way; no connection became free within "
        f"{request.timeout:g} s.",
        sent=False,
    )


def broken(request: Request) -> DotUnreachableError:
    """Return the error for a request that may have been served, but whose answer did not come whole."""
    return DotUnreachableError(
        f"{request.name}: the connection to {shown(request.url)} broke before the answer was complete.", sent=True
    )


def untrusted(request: Request) -> DotConfigError:
    """Return the error for a server whose certificate is not trusted."""
    return DotConfigError(
        f"{request.name}: the TLS certificate of {shown(request.url)} is not trusted: set REQUESTS_CA_BUNDLE to the "
        "file with your company's CA."
    )


def unusable(request: Request) -> DotConfigError:
    """Return the error for an address that no request can be sent to."""
    return DotConfigError(f"{request.name}: the address cannot be used for an HTTP request. Check base_url.")
