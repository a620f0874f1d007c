"""Links of an answer lead out: not to what only this machine can reach, such as a cloud's metadata or an intranet.

An answer is written by a model that reads other people's data, so its links are as trustworthy as those data.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from dot_provider.api._core.messages import Request
from dot_provider.api._http.proxies import Proxy, shown
from dot_provider.api.errors import DotProtocolError


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
