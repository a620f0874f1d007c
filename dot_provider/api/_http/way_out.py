"""The way out of this machine: proxies and trusted certificates, and where links must not lead; for both transports.

The rules are those of the ``requests`` library, which operators of Airflow and Dagster know: ``HTTPS_PROXY``,
``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE``. ``~/.netrc`` is not read:
its passwords are for other programs.

An answer is written by a model that reads other people's data, so its links are as trustworthy as those data: they lead
out, not to what only this machine can reach, such as a cloud's metadata or an intranet.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy

from dot_provider.api._core.messages import Request
from dot_provider.api.errors import DotConfigError, DotProtocolError


@dataclass(frozen=True)
class Proxy:
    """The proxy through which a server is reached. Its ``url`` may hold a password, so that it is not shown."""

    url: str = field(repr=False)


class Surroundings:
    """The environment's proxies, looked up once per origin because that takes as long as a small request."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy | None] = {}

    def proxy_for(self, url: str) -> Proxy | None:
        """Return the proxy through which ``url`` is reached, or None.

        Raises:
            DotConfigError: the environment names a proxy in a way that cannot be used. The message shows no password.
        """
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._proxies:
            self._proxies[origin] = _proxy_for(origin)
        return self._proxies[origin]


def ca_bundle() -> str:
    """Return the file or directory of the certificates to trust.

    Raises:
        DotConfigError: the environment names one that does not exist.
    """
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        path = os.environ.get(variable)
        if path and not os.path.exists(path):  # noqa: PTH110 - a path that is handed on as text
            raise DotConfigError(f"{variable} names {path!r}, which does not exist: correct or unset it.")
        if path and not os.access(path, os.R_OK):
            raise DotConfigError(f"{variable} names {path!r}, which this process may not read: correct or unset it.")
        if path:
            return path
    return DEFAULT_CA_BUNDLE_PATH


def shown(url: str) -> str:
    """Return scheme, host and port of ``url``, without a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0].rpartition('@')[2]}"


def _proxy_for(origin: str) -> Proxy | None:
    found = select_proxy(origin, get_environ_proxies(origin, no_proxy=None))
    if not found:
        return None
    proxy = found if "://" in found else f"http://{found}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise DotConfigError(
            f"The proxy for {origin} in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: it must look like "
            "'http://proxy.example.com:3128'. Correct it, or name the host in NO_PROXY."
        )
    return Proxy(proxy)


def check_way_out(request: Request, proxy: Proxy | None) -> None:
    """Look up where a link outside of Dot leads; blocks while the machine's resolver does.

    A name that changes its address afterwards gains nothing over https: what answers there has no certificate for it.
    Through a proxy only addresses are looked at, because names are the proxy's to look up.

    Raises:
        DotProtocolError: it leads to a private address of a kind that Dot itself does not have.
        OSError: there is no such name.
    """
    if not request.dot_host:
        return
    try:
        there = _kinds(urlsplit(request.url).hostname or "", only_address=proxy is not None)
    except OSError:
        if proxy is None:
            raise
        return
    if there - {"public"}:
        here: set[str] = set()
        with suppress(OSError):
            here = _kinds(request.dot_host)
        if not there <= here | {"public"}:
            raise DotProtocolError(
                f"{request.name}: {shown(request.url)} is an address of this machine or its network "
                f"({', '.join(sorted(there))}), which is not followed because Dot itself is elsewhere."
            )


def _kinds(host: str, *, only_address: bool = False) -> set[str]:
    flags = socket.AI_NUMERICHOST if only_address else 0
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)
    return {_kind(str(info[4][0]).partition("%")[0]) for info in found}


def _kind(text: str) -> str:
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:  # 0.0.0.0 connects to this machine
        return "loopback"
    if address.is_link_local:
        return "link-local"
    return "public" if address.is_global else "private"
