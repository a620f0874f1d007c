"""Why Dot cannot be reached is told, in the same words by both transports, and what to check."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from dot_provider.api import DotConfigError, DotUnreachableError
from dot_provider.api._core.send import RetryBudget
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.certificates import Certificates, make_certificates
from tests.ports import free_port
from tests.proxy import running_proxy
from tests.raw_server import Connection, RawServer, response

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


def healthy(connection: Connection) -> None:
    connection.send(response(b'{"status": "ok"}'))


def unreachable(connect: Connect, url: str, timeout: float = 60) -> str:
    """Return what is told of a server that cannot be reached, tried once."""
    dot = connect(url, timeout=timeout)
    dot.client._session.budget = RetryBudget(tokens=0)
    with pytest.raises(DotUnreachableError) as caught:
        dot.whoami()
    assert caught.value.sent is False
    return str(caught.value)


def distrusted(connect: Connect, url: str) -> str:
    with pytest.raises(DotConfigError) as caught:
        connect(url).whoami()
    return str(caught.value)


def test_a_refused_connection(connect: Connect) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    assert unreachable(connect, address) == (
        f"whoami: {address} cannot be reached: the connection was refused; check host and port, and that Dot "
        "runs there."
    )


def test_an_unknown_host(connect: Connect) -> None:
    assert unreachable(connect, "https://dot.invalid") == (
        "whoami: https://dot.invalid cannot be reached: its name is not known to this machine; check the spelling, and "
        "this machine's DNS."
    )


def test_a_server_that_does_not_speak_tls(connect: Connect, dot: Sandbox) -> None:
    address = dot.base_url.replace("http:", "https:")
    assert re.fullmatch(
        rf"whoami: {address} cannot be reached: TLS failed \([A-Z_]+\); check that this port speaks https\.",
        unreachable(connect, address),
    )


@pytest.mark.parametrize("ends", ["sock.shutdown", "reset"])
def test_a_connection_that_ends_within_the_handshake(connect: Connect, ends: str) -> None:
    """A firewall that looks into the handshake ends it so."""

    def hang_up(connection: Connection) -> None:
        connection.sock.recv(65536)
        connection.reset() if ends == "reset" else connection.sock.shutdown(socket.SHUT_RDWR)

    with RawServer(hang_up, read=False) as server:
        address = server.url.replace("http:", "https:")
        assert unreachable(connect, address) == (
            f"whoami: {address} cannot be reached: the connection was closed while it was set up; check the "
            "address, and what the firewall lets out."
        )


def test_a_server_that_does_not_answer_the_handshake(connect: Connect) -> None:
    with RawServer(lambda connection: connection.hang(), read=False) as server:
        address = server.url.replace("http:", "https:")
        assert unreachable(connect, address, timeout=1) == (
            f"whoami: {address} cannot be reached: no connection came about within 1 s; check the address, and "
            "what the firewall lets out."
        )


def test_a_network_that_is_not_there_is_told_in_the_systems_words(connect: Connect) -> None:
    """A broadcast address is none that a connection can be made to."""
    assert unreachable(connect, "https://255.255.255.255") == (
        "whoami: https://255.255.255.255 cannot be reached: Network is unreachable; check the address, and "
        "this machine's network."
    )


def test_an_unknown_authority(connect: Connect, certificates: Certificates) -> None:
    with RawServer(healthy, certificates.server) as server:
        assert distrusted(connect, server.url) == (
            f"whoami: the TLS certificate of {server.url} is not trusted (unable to get local issuer certificate): set "
            "REQUESTS_CA_BUNDLE to the file with your company's CA."
        )


def test_an_expired_certificate(connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expired = make_certificates(tmp_path, ends=timedelta(hours=-1))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(expired.ca_bundle))
    with RawServer(healthy, expired.server) as server:
        assert distrusted(connect, server.url) == (
            f"whoami: the TLS certificate of {server.url} has expired: renew it there, or correct this machine's clock."
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_for_another_host(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    other = make_certificates(tmp_path, hosts=("dot.example.com",))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_bundle))
    with RawServer(healthy, other.server) as server:
        address = server.url.replace("127.0.0.1", host)
        assert distrusted(connect, address) == (
            f"whoami: the TLS certificate of {address} is for another host: use the name that it was made for."
        )


def test_a_proxy_that_refuses_the_connection(connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTP_PROXY", proxy.replace("://", "://jane:secret@"))
    assert unreachable(connect, dot.base_url) == (
        f"whoami: {dot.base_url} cannot be reached through the proxy {proxy}: the connection was refused; check "
        "HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy runs."
    )


def test_a_proxy_of_an_unknown_host(connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://jane:secret@proxy.invalid:3128")
    assert unreachable(connect, dot.base_url) == (
        f"whoami: {dot.base_url} cannot be reached through the proxy http://proxy.invalid:3128: the proxy's "
        "name is not known to this machine; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy runs."
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("407 Login", "the proxy wants a login (407); put user and password into HTTPS_PROXY"),
        ("403 Forbidden", "the proxy refused (403); ask who runs it, or name the host in NO_PROXY"),
        ("502 jane:secret", "the proxy refused (502); ask who runs it, or name the host in NO_PROXY"),
    ],
)
def test_a_proxy_that_refuses_the_tunnel(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, status: str, words: str
) -> None:
    with running_proxy(status=status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://jane:secret@"))
        assert unreachable(connect, "https://dot.example.com") == (
            f"whoami: https://dot.example.com cannot be reached through the proxy {proxy.url}: {words}."
        )


def test_a_proxy_that_hangs_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(lambda connection: None) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert unreachable(connect, "https://dot.example.com") == (
            f"whoami: https://dot.example.com cannot be reached through the proxy {proxy.url}: the connection "
            "was closed while it was set up; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy runs."
        )


def test_a_server_behind_a_proxy_that_does_not_speak_tls(
    connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = dot.base_url.replace("http:", "https:")
    with running_proxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert re.fullmatch(
            rf"whoami: {address} cannot be reached through the proxy {proxy.url}: TLS failed \([A-Z_]+\); check "
            r"that this port speaks https\.",
            unreachable(connect, address),
        )


JUNK = [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nnot base64\n-----END CERTIFICATE-----\n"]


@pytest.mark.parametrize("content", JUNK, ids=["empty", "text", "no base64"])
def test_a_file_without_certificates(
    connect: Connect, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    junk = tmp_path / "ca.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(junk))
    with RawServer(healthy, make_certificates(tmp_path).server) as server:
        junk.write_bytes(content)
        told = distrusted(connect, server.url)
    assert "the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names holds no usable certificates" in told
