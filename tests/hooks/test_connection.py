"""From the fields of an Airflow connection to a server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from dot_provider.api.errors import DotConfigError
from dot_provider.api.server import ApiToken, PasswordLogin, UrlToken
from dot_provider.hooks.connection import server_of


@dataclass
class Fields:
    conn_id: str = "dot_default"
    host: str | None = None
    login: str | None = None
    password: str | None = "secret-token"
    port: int | None = None
    schema: str | None = None


@pytest.mark.parametrize(
    ("fields", "extra", "origin"),
    [
        ({}, {}, "https://app.getdot.ai"),
        ({}, {"region": "eu"}, "https://eu.getdot.ai"),
        ({"host": ""}, {"region": ""}, "https://app.getdot.ai"),
        ({"host": "eu"}, {}, "https://eu.getdot.ai"),
        ({"host": " EU "}, {}, "https://eu.getdot.ai"),
        ({"host": "us"}, {"region": "us"}, "https://app.getdot.ai"),
        ({"host": "dot.example.com"}, {}, "https://dot.example.com"),
        ({"host": "https://dot.example.com/"}, {}, "https://dot.example.com"),
        ({"host": "dot.example.com", "port": 8443}, {}, "https://dot.example.com:8443"),
        ({"host": "localhost", "port": 8800, "schema": "http"}, {}, "http://localhost:8800"),
        ({"host": "http://127.0.0.1:8800"}, {}, "http://127.0.0.1:8800"),
        ({"host": "http://127.0.0.1:8800", "port": 0}, {}, "http://127.0.0.1:8800"),
        ({"host": "https://dot.example.com:8443/", "port": 8443}, {}, "https://dot.example.com:8443"),
        ({"host": "https://dot.example.com/", "port": 443}, {}, "https://dot.example.com"),
        ({"host": "eu", "port": 443}, {}, "https://eu.getdot.ai"),
        ({"port": 443}, {}, "https://app.getdot.ai"),
    ],
)
def test_host_is_a_region_a_name_or_a_url(fields: dict[str, Any], extra: dict[str, Any], origin: str) -> None:
    assert server_of(Fields(**fields), extra).origin == origin


def test_the_password_is_the_token() -> None:
    assert server_of(Fields(), {}).credentials == ApiToken("secret-token")


def test_a_login_means_user_name_and_password() -> None:
    assert server_of(Fields(login="ada@shop.example"), {}).credentials == PasswordLogin(
        "ada@shop.example", "secret-token"
    )


def test_the_extra_holds_what_has_no_field() -> None:
    server = server_of(
        Fields(), {"environment": "staging", "timeout": "30", "key_header": "API-KEY", "url_auth_user": None}
    )
    assert (server.environment, server.timeout, server.credentials) == (
        "staging",
        30.0,
        ApiToken("secret-token", "API-KEY"),
    )
    assert server_of(Fields(), {"url_auth_user": "ada@shop.example"}).credentials == UrlToken(
        "ada@shop.example", "secret-token"
    )


def test_an_environment_of_the_task_wins() -> None:
    assert server_of(Fields(), {"environment": "staging"}, "pr-12").environment == "pr-12"


@pytest.mark.parametrize(
    ("fields", "extra", "words"),
    [
        ({"password": None}, {}, "password field (API token)"),
        ({"password": "two\nlines"}, {}, "line break"),
        ({"host": "http://dot.example.com"}, {}, "unencrypted"),
        ({"host": "https://user:pw@dot.example.com"}, {}, "must not hold a user name or password"),
        ({"host": "eu"}, {"region": "us"}, "disagree"),
        ({"host": "https://dot.example.com:8443", "port": 443}, {}, "host and port disagree (8443 and 443)"),
        ({"host": "eu", "port": 8443}, {}, "port 8443 needs a host name or URL"),
        ({}, {"region": "mars"}, "'us' or 'eu'"),
        ({}, {"enviroment": "staging"}, "unknown field 'enviroment'"),
        ({}, {"timeout": "soon"}, "timeout must be a number of seconds"),
        ({}, {"timeout": -1}, "timeout must be a number of seconds"),
        ({}, {"key_header": "Authorization"}, "key_header must be one of X-API-KEY, API-KEY"),
    ],
)
def test_a_wrong_field_is_refused_by_name_and_without_the_secret(
    fields: dict[str, Any], extra: dict[str, Any], words: str
) -> None:
    with pytest.raises(DotConfigError) as refused:
        server_of(Fields(**fields), extra)
    text = str(refused.value)
    assert words in text
    assert text.startswith("Connection 'dot_default': ")
    assert "secret-token" not in text
    assert "two" not in text
    assert "pw" not in text
