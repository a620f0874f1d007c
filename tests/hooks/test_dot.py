"""The hook, on a real Airflow connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dot_provider.api.errors import DotConfigError
from dot_provider.hooks import DotHook


def test_the_client_is_made_once(sandbox: Any) -> None:
    sandbox()
    hook = DotHook()
    assert hook.get_conn() is hook.get_conn()
    assert hook.get_conn().whoami().role == "admin"


def test_an_async_client_reaches_the_same_dot(sandbox: Any) -> None:
    sandbox()

    async def role() -> str:
        async with await DotHook().get_async_conn() as dot:
            return (await dot.whoami()).role

    assert asyncio.run(role()) == "admin"


def test_the_connection_can_be_a_uri(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dot = sandbox()
    monkeypatch.setenv("AIRFLOW_CONN_MY_DOT", f"dot://:{dot.token}@127.0.0.1:{dot.port}/http?environment=staging")
    client = DotHook("my_dot").get_conn()
    assert client.server.environment == "staging"
    assert client.whoami().email


def test_the_test_says_who_the_token_belongs_to(sandbox: Any) -> None:
    dot = sandbox()
    ok, message = DotHook().test_connection()
    assert ok
    assert "role admin" in message
    assert "@" in message
    assert dot.token not in message


def test_the_test_says_what_is_wrong_without_url_or_token(sandbox: Any, dot_connection: Any) -> None:
    dot = sandbox()
    dot_connection(host=dot.base_url, password="not-the-token")
    ok, message = DotHook().test_connection()
    assert not ok
    assert "401" in message
    assert "not-the-token" not in message
    assert dot.base_url not in message


def test_an_environment_that_rendered_to_nothing_does_not_become_production(sandbox: Any) -> None:
    sandbox()
    with pytest.raises(DotConfigError, match="environment is empty"):
        DotHook(environment=" ").get_conn()


def test_airflow_finds_the_connection_type_and_its_form() -> None:
    from airflow.providers_manager import ProvidersManager
    from airflow.sdk._shared.secrets_masker import should_hide_value_for_key

    manager = ProvidersManager()
    assert manager.providers["dot-provider"].version
    hook = manager.hooks["dot"]
    assert hook is not None
    assert (hook.hook_class_name, hook.connection_id_attribute_name) == (
        "dot_provider.hooks.dot.DotHook",
        "dot_conn_id",
    )
    fields = {name.removeprefix("extra__dot__") for name in manager.connection_form_widgets if "__dot__" in name}
    assert fields == {"environment", "timeout", "key_header", "url_auth_user", "allow_http"}
    # Airflow blanks out the values of fields with such names, in the form too, and would save "***" as their value.
    assert not any(should_hide_value_for_key(name) for name in fields)
    assert manager.field_behaviours["dot"]["relabeling"]["password"] == "API token"


def test_a_connection_of_another_type_is_refused_before_its_password_travels(sandbox: Any, dot_connection: Any) -> None:
    dot = sandbox()
    dot_connection("my_http", conn_type="http", host=dot.base_url, password=dot.token)
    with pytest.raises(DotConfigError, match="is of type 'http': set dot_conn_id to one of type 'dot'"):
        DotHook("my_http").get_conn()
    assert dot.requests == []
