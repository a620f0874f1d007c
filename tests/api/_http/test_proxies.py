"""Proxies and certificates of the environment work for both transports; ``~/.netrc`` and cookies for neither."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dot_provider.api import DotConfigError, DotUnreachableError
from dot_provider.api._http.way_out import Surroundings
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.certificates import Certificates
from tests.proxy import Proxy, running_proxy
from tests.raw_server import Connection, RawServer, response

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


@pytest.fixture(scope="module")
def proxy_process():
    with running_proxy() as proxy:
        yield proxy


@pytest.fixture
def proxy(proxy_process: Proxy) -> Proxy:
    proxy_process.seen.clear()
    return proxy_process


def healthy(connection: Connection) -> None:
    connection.send(response(b'{"status": "ok"}'))


def test_a_proxy_forwards_plain_requests(
    connect: Connect, dot: Sandbox, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    assert connect(dot.base_url).whoami().role == "admin"
    assert [(r["method"], r["target"]) for r in _seen(proxy)] == [("GET", f"{dot.base_url}/api/auth/me")]


def test_a_proxy_tunnels_https_and_sees_no_token(
    connect: Connect, certificates: Certificates, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_bundle))

    with RawServer(healthy, certificates.server) as server:
        connect(server.url).whoami()

        assert b"dot-sandbox-token" in server.requests[0]
        assert [(r["method"], r["target"]) for r in _seen(proxy)] == [("CONNECT", f"127.0.0.1:{server.port}")]
        assert "dot-sandbox-token" not in proxy.seen[0]["head"]


def test_all_proxy_counts_for_both(
    connect: Connect, dot: Sandbox, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy.url.removeprefix("http://"))

    connect(dot.base_url).healthcheck()

    assert len(_seen(proxy)) == 1


def test_no_proxy_goes_past_the_proxy(
    connect: Connect, dot: Sandbox, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "example.com,127.0.0.0/8")

    connect(dot.base_url).healthcheck()

    assert proxy.seen == []


@pytest.mark.parametrize("scheme", ["HTTP_PROXY", "HTTPS_PROXY"])
def test_a_proxy_with_a_password_is_logged_into(
    connect: Connect, dot: Sandbox, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_bundle))
    with running_proxy("jane:s%cret") as proxy, RawServer(healthy, certificates.server) as server:
        monkeypatch.setenv(scheme, proxy.url.replace("://", "://jane:s%25cret@"))

        connect(dot.base_url if scheme == "HTTP_PROXY" else server.url).healthcheck()

        assert [r["login"] for r in _seen(proxy)] == ["jane:s%cret"]


@pytest.mark.parametrize("status", ["407 Login", "403 Forbidden", "502 Bad Gateway"])
def test_a_proxy_that_refuses_the_tunnel_means_that_nothing_was_sent(
    connect: Connect, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_bundle))
    with running_proxy(status=status) as proxy, RawServer(healthy, certificates.server) as server:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://jane:secret@"))

        with pytest.raises(DotUnreachableError, match=f"through the proxy {proxy.url}") as caught:
            connect(server.url).ask("How many orders?")

        assert caught.value.sent is False
        assert "secret" not in str(caught.value)
        assert server.requests == []


def test_a_proxy_that_is_gone_is_named(connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(healthy) as gone:
        address = f"http://127.0.0.1:{gone.port}"
    monkeypatch.setenv("HTTP_PROXY", address)

    with pytest.raises(DotUnreachableError, match=f"through the proxy {address}") as caught:
        connect(dot.base_url).healthcheck()

    assert caught.value.sent is False


@pytest.mark.parametrize(
    "value", ["socks5://127.0.0.1:1080", "http://", "http://proxy:99999", "ftp://proxy", "http://a:b:c"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(
    connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", value.replace("://", "://jane:secret@"))

    with pytest.raises(DotConfigError, match=r"must look like 'http://proxy\.example\.com:3128'") as caught:
        connect(dot.base_url).healthcheck()

    assert "secret" not in str(caught.value)
    assert dot.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_bundle_from_the_environment_is_trusted(
    connect: Connect, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificates.ca_bundle))

    with RawServer(healthy, certificates.server) as server:
        assert connect(server.url).healthcheck().raw == {"status": "ok"}


def test_an_unknown_certificate_is_refused_before_the_token_is_sent(
    connect: Connect, certificates: Certificates
) -> None:
    with RawServer(healthy, certificates.server) as server:
        with pytest.raises(DotConfigError, match="set REQUESTS_CA_BUNDLE"):
            connect(server.url).whoami()

        assert server.requests == []


def test_a_server_that_does_not_speak_tls_is_no_matter_of_trust(connect: Connect, dot: Sandbox) -> None:
    with pytest.raises(DotUnreachableError, match="cannot be reached") as caught:
        connect(dot.base_url.replace("http:", "https:")).whoami()

    assert caught.value.sent is False


def test_a_connection_that_breaks_within_tls_is_no_matter_of_trust(
    connect: Connect, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.ca_bundle))

    def breaks(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

    with RawServer(breaks, certificates.server) as server:
        with pytest.raises(DotUnreachableError) as caught:
            connect(server.url).whoami()

        assert caught.value.sent is True


def test_a_ca_bundle_that_is_not_there_is_named(
    connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")

    with pytest.raises(DotConfigError, match=r"REQUESTS_CA_BUNDLE names '/nowhere/ca\.pem', which does not exist"):
        connect(dot.base_url).healthcheck()


def test_a_folder_of_certificates_can_be_named(
    connect: Connect, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An empty one trusts nobody."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))

    with RawServer(healthy, certificates.server) as server, pytest.raises(DotConfigError, match="not trusted"):
        connect(server.url).healthcheck()


def test_the_environment_is_read_once_per_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings = Surroundings()
    monkeypatch.setenv("HTTPS_PROXY", "http://one:3128")
    first = surroundings.proxy_for("https://dot.example.com/api/auth/me")
    monkeypatch.setenv("HTTPS_PROXY", "http://two:3128")

    assert surroundings.proxy_for("https://dot.example.com/api/tables") is first
    assert "one" not in repr(first)


def test_netrc_is_not_used(connect: Connect, dot: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login jane password netrc-password\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))

    connect(dot.base_url).whoami()
    connect(dot.base_url).healthcheck()

    assert all("authorization" not in r.headers for r in dot.requests)


def test_cookies_are_not_kept(connect: Connect, dot: Sandbox) -> None:
    client = connect(dot.base_url)
    dot.fail_next("/auth/me", body={"email": "a@b"}, headers={"Set-Cookie": "session=1; Path=/"})

    client.whoami()
    client.whoami()

    assert all("cookie" not in r.headers for r in dot.requests)


def _seen(proxy: Proxy) -> list[dict]:
    """The proxy's line about a request is written before its answer, and read by a thread of ours."""
    for _ in range(200):
        if proxy.seen:
            break
        time.sleep(0.01)
    return proxy.seen
