"""A redirect is refused, except for downloads, which leave the key behind: the other host learns nothing."""

from __future__ import annotations

import pytest

from dot_provider.api import DotProtocolError
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.raw_server import Connection, RawServer, response


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_receives_no_request(connect: Connect, dot: Sandbox, status: int) -> None:
    with RawServer(lambda connection: connection.send(response(b"{}"))) as other:
        dot.fail_next("/sync", status=status, headers={"Location": f"{other.url}/api/sync/dbt/shop"}, times=9)

        with pytest.raises(DotProtocolError, match=f"redirects \\({status}\\) to 127.0.0.1:{other.port}") as caught:
            connect(dot.base_url).sync("dbt", "shop")

        assert other.connections == 0
        assert not caught.value.retryable
        assert len(dot.requests) == 1


def test_a_redirect_on_the_same_host_is_refused_too(connect: Connect, dot: Sandbox) -> None:
    dot.fail_next("/auth/me", status=302, headers={"Location": "/login"})

    with pytest.raises(DotProtocolError, match="redirects"):
        connect(dot.base_url).whoami()

    assert len(dot.requests) == 1


def test_a_question_that_is_redirected_is_not_posted_elsewhere(connect: Connect, dot: Sandbox) -> None:
    with RawServer(lambda connection: connection.send(response(b"[]"))) as other:
        dot.fail_next("/agentic", status=307, headers={"Location": f"{other.url}/api/agentic"})

        with pytest.raises(Exception, match="redirects"):
            connect(dot.base_url).ask("How many orders?")

        assert other.connections == 0


def test_a_download_follows_a_redirect_without_the_key(connect: Connect, dot: Sandbox) -> None:
    def serve(connection: Connection) -> None:
        connection.send(response(b"day,orders\n"))

    with RawServer(serve) as storage:
        dot.fail_next("/download_csv", status=302, headers={"Location": f"{storage.url}/signed?key=1"})

        file = connect(dot.base_url).download(f"{dot.base_url}/api/download_csv?chat_id=1&df_key=df_1")

        assert file.content == b"day,orders\n"
        assert dot.requests[0].headers["x-api-key"] == "***"
        assert len(storage.requests) == 1
        assert b"dot-sandbox-token" not in storage.requests[0]
        assert b"api-key" not in storage.requests[0].lower()


@pytest.mark.parametrize("link", ["/files/Umsatz März.csv", "/files/100%25.csv", "/files/a%20b.csv?x=ü&y=[1]"])
def test_a_link_with_spaces_and_umlauts_is_fetched(connect: Connect, link: str) -> None:
    with RawServer(lambda connection: connection.send(response(b"1"))) as server:
        connect(server.url).download(f"{server.url}{link}")

        target = server.requests[0].split(b" ")[1]
        assert target.isascii()
        assert b"%25.csv" in target or b"%20" in target
