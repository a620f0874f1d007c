"""A link of an answer is not followed into this machine's network, unless Dot itself is there."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from dot_provider.api import DotProtocolError
from dot_provider.api._core.messages import Request
from dot_provider.api._http.way_out import Proxy, check_way_out
from dot_provider.api.files import fetch_file
from tests.both_clients import Connect
from tests.raw_server import RawServer, response

NAMES = {
    "files.example": "203.0.114.7",
    "app.getdot.ai": "203.0.114.9",
    "intranet.example": "10.0.0.7",
    "rebound.example": "127.0.0.1",
    "dot.internal": "10.1.2.3",
}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags") and host in NAMES:
            raise socket.gaierror
        return real(NAMES.get(host, host), *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def link(url: str, dot_host: str = "app.getdot.ai") -> Request:
    return Request("download", "GET", url, {}, None, 60, 1000, dot_host=dot_host)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://127.0.0.1/x", "loopback"),
        ("https://localhost/x", "loopback"),
        ("https://[::1]/x", "loopback"),
        ("https://0.0.0.0/x", "loopback"),
        ("https://0x7f.1/x", "loopback"),
        ("https://[::ffff:10.0.0.1]/x", "private"),
        ("https://10.0.0.1:8443/x", "private"),
        ("https://100.64.0.1/x", "private"),
        ("https://[fd00::1]/x", "private"),
        ("https://169.254.169.254/latest/meta-data", "link-local"),
        ("https://intranet.example/x", "private"),
        ("https://rebound.example/x", "loopback"),
    ],
)
def test_a_private_address_is_refused_also_behind_a_name(url: str, kind: str) -> None:
    with pytest.raises(DotProtocolError, match=rf"\({kind}\), which is not followed because Dot itself is elsewhere"):
        check_way_out(link(url), None)


def test_a_public_address_is_followed() -> None:
    check_way_out(link("https://files.example/x"), None)


def test_a_self_hosted_dot_may_link_to_its_own_network_and_not_to_this_machine() -> None:
    check_way_out(link("https://intranet.example/x", "dot.internal"), None)
    for elsewhere in ("https://127.0.0.1/x", "https://169.254.169.254/x"):
        with pytest.raises(DotProtocolError):
            check_way_out(link(elsewhere, "dot.internal"), None)


def test_through_a_proxy_addresses_are_looked_at_and_names_are_the_proxys() -> None:
    proxy = Proxy("http://proxy.example:3128")
    check_way_out(link("https://intranet.example/x"), proxy)
    with pytest.raises(DotProtocolError):
        check_way_out(link("https://10.0.0.1/x"), proxy)


def test_nothing_is_sent_to_a_private_address(connect: Connect) -> None:
    with RawServer(lambda connection: connection.send(response(b"{}"))) as intranet:
        dot = connect("https://app.getdot.ai")
        with pytest.raises(DotProtocolError, match="Dot itself is elsewhere"):
            dot.send(fetch_file(f"{intranet.url}/x", with_token=False))
        assert intranet.connections == 0


def test_a_dot_on_this_machine_may_link_to_it(connect: Connect) -> None:
    with RawServer(lambda connection: connection.send(response(b"n"))) as files:
        dot = connect("http://127.0.0.1:9")
        assert dot.send(fetch_file(f"{files.url}/x", with_token=False)).content == b"n"
