from __future__ import annotations

import asyncio
import inspect
import logging
import pydoc
import re
import typing

import pytest

from dot_provider.api import AsyncDotClient, DotClient, DotConfigError, DotError
from dot_provider.api.connections import SyncResult
from dot_provider.api.endpoints import Endpoint, Endpoints
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect

METHODS = [name for name in vars(Endpoints) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_both_clients_offer_each_method_with_documentation_and_signature(name: str) -> None:
    assert isinstance(vars(Endpoints)[name], Endpoint)
    assert getattr(DotClient, name).__doc__
    blocking, on_loop = getattr(DotClient("t"), name), getattr(AsyncDotClient("t"), name)
    assert blocking.__doc__ == on_loop.__doc__ == getattr(DotClient, name).__doc__
    assert inspect.signature(blocking) == inspect.signature(on_loop)
    assert "server" not in inspect.signature(blocking).parameters


@pytest.mark.parametrize("client", [DotClient, AsyncDotClient])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_the_class_tells_its_name_arguments_and_what_comes_back(client: type, name: str) -> None:
    method = getattr(client, name)
    of_class, of_client = inspect.signature(method), inspect.signature(getattr(client("t"), name))
    assert list(of_class.parameters) == ["self", *of_client.parameters]
    assert not re.match(r"(Call|Flow)\b", of_class.return_annotation)
    assert typing.get_type_hints(method)["return"] is not None
    # Python 3.13 writes a long signature in lines.
    assert re.search(rf"{name}\(\s*self", pydoc.render_doc(method, renderer=pydoc.plaintext))


def test_a_sync_returns_a_sync_result() -> None:
    assert inspect.signature(DotClient.sync).return_annotation == "SyncResult"
    assert typing.get_type_hints(AsyncDotClient.sync)["return"] is SyncResult


def test_a_method_of_the_async_client_returns_an_awaitable(dot: Sandbox) -> None:
    async def main() -> str:
        async with AsyncDotClient(dot.token, dot.base_url) as client:
            waiting = client.whoami()
            assert inspect.isawaitable(waiting)
            return (await waiting).role

    assert asyncio.run(main()) == "admin"


@pytest.mark.parametrize(
    ("method", "arguments", "line"),
    [
        ("sync", ("dbt", "shop"), "Synced dbt/shop"),
        ("report_incidents", ("airflow", [{"table": "orders", "check": "fresh"}]), "Reported 1 incident to Dot"),
        ("push_external_assets", ([{"id": "a", "subtype": "x"}],), "External assets: 1 sent"),
        ("upsert_note", ("Orders", "x"), "Note 'Orders' created"),
        ("whoami", (), None),
    ],
)
def test_each_business_event_is_one_line_at_info(
    dot: Sandbox,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    method: str,
    arguments: tuple[object, ...],
    line: str | None,
) -> None:
    caplog.set_level(logging.INFO)
    getattr(connect(dot.base_url), method)(*arguments)
    assert [r.getMessage() for r in caplog.records if r.name == "dot_provider"] == ([line] if line else [])


def test_a_failed_sync_is_no_event(dot: Sandbox, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    dot.fail_next("/sync", status=500)
    with pytest.raises(DotError):
        connect(dot.base_url).sync("dbt", "shop")
    assert "Synced" not in caplog.text


def test_one_call_is_scoped_to_an_environment_and_the_next_is_not(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url, environment=None)
    created = client.create_environment("staging")
    for scoped in (client.client.in_environment(created.id), client.client):
        work = scoped.sync("dbt", "shop")
        if inspect.isawaitable(work):
            client._loop.run_until_complete(work)  # type: ignore[union-attr]
    assert [r.headers.get("x-dot-environment") for r in dot.requests if "sync" in r.path] == [created.id, None]


def test_a_client_of_another_environment_refuses_what_no_header_can_carry() -> None:
    with pytest.raises(DotConfigError, match="environment"):
        DotClient("t").in_environment("x\r\nX-Injected: 1")
