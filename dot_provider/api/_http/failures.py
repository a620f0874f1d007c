"""What both transports say when a request fails on the way: which host, why, and what to check.

Never a URL, a header or a library's own text, which can hold them. Why a connection failed is read from what the
operating system and OpenSSL raised beneath both libraries, so that both transports tell the same.
"""

from __future__ import annotations

import os
import re
import ssl
from socket import gaierror

from dot_provider.api._core.messages import Request
from dot_provider.api._http.way_out import Proxy, shown
from dot_provider.api.errors import DotConfigError, DotTimeoutError, DotUnreachableError

_OTHER_HOST = frozenset({62, 64})  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH
_EXPIRED = 10
_PROXY = "HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy runs"
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")  # http.client tells the status nowhere else


def timed_out(request: Request) -> DotTimeoutError:
    """Return the error for a request that was sent, and whose time has passed."""
    return DotTimeoutError(
        f"{request.name}: no complete answer from {shown(request.url)} within {request.timeout:g} s."
    )


def not_connected(request: Request, error: BaseException, proxy: Proxy | None) -> DotUnreachableError | DotConfigError:
    """Return the error for a request that certainly never left; ``error`` is what the library raised."""
    cause = _cause_of(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _untrusted(request, cause)
    through = f" through the proxy {shown(proxy.url)}" if proxy else ""
    if refused := _refused_tunnel(error, cause):
        why = refused
    elif isinstance(cause, ssl.SSLError) and cause.library != "SSL":  # it failed before the server was spoken to
        return DotConfigError(
            f"{request.name}: the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names holds no usable certificates "
            f"({cause.reason}): it must be a PEM file with your company's CA. Correct or unset the variable."
        )
    elif isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
        why = f"TLS failed ({cause.reason}); check that this port speaks https"
    else:
        what, check = _no_connection(request, cause, "the proxy's" if proxy else "its")
        why = f"{what}; check {_PROXY if proxy else check}"
    return DotUnreachableError(f"{request.name}: {shown(request.url)} cannot be reached{through}: {why}.", sent=False)


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


def garbled(request: Request) -> DotUnreachableError:
    """Return the error for an answer that is no HTTP/1.1, or whose headers leave open where it ends."""
    return DotUnreachableError(
        f"{request.name}: the answer of {shown(request.url)} is no valid HTTP/1.1: its status line, headers or length "
        "are damaged or contradict each other; check what proxies on the way do to it.",
        sent=True,
    )


def unusable(request: Request) -> DotConfigError:
    """Return the error for an address that no request can be sent to."""
    return DotConfigError(f"{request.name}: the address cannot be used for an HTTP request; check Dot's address.")


def _untrusted(request: Request, error: ssl.SSLCertVerificationError) -> DotConfigError:
    if error.verify_code == _EXPIRED:
        what = "has expired: renew it there, or correct this machine's clock"
    elif error.verify_code in _OTHER_HOST:
        what = "is for another host: use the name that it was made for"
    else:
        why = error.verify_message
        what = f"is not trusted ({why}): set REQUESTS_CA_BUNDLE to the file with your company's CA"
    return DotConfigError(f"{request.name}: the TLS certificate of {shown(request.url)} {what}.")


def _refused_tunnel(error: BaseException, cause: BaseException | None) -> str:
    words = _TUNNEL.match(str(cause))
    status = int(words[1]) if words else getattr(error, "status", 0)  # aiohttp's own error has it
    if status == 407:
        return "the proxy wants a login (407); put user and password into HTTPS_PROXY"
    return f"the proxy refused ({status}); ask who runs it, or name the host in NO_PROXY" if status else ""


def _no_connection(request: Request, cause: BaseException | None, whose: str) -> tuple[str, str]:
    """Return what happened, and what to check where no proxy is on the way."""
    firewall = "the address, and what the firewall lets out"
    if isinstance(cause, gaierror):
        return f"{whose} name is not known to this machine", "the spelling, and this machine's DNS"
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused", "host and port, and that Dot runs there"
    if isinstance(cause, TimeoutError):
        return f"no connection came about within {request.timeout:g} s", firewall
    if type(cause) is OSError and cause.errno:
        return os.strerror(cause.errno), "the address, and this machine's network"
    return "the connection was closed while it was set up", firewall


def _cause_of(error: BaseException | None) -> BaseException | None:
    """Return what the system raised beneath the library's exceptions, some of which inherit from the system's."""
    if error is None or type(error).__module__ in ("builtins", "socket", "ssl"):
        return error
    return _cause_of(error.__cause__) or _cause_of(error.__context__)
