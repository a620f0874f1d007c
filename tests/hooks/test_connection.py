"""From the fields of an Airflow connection to a server."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pytest

from dot_provider.api.errors import DotConfigError
from dot_provider.api.settings import ApiToken, PasswordLogin, UrlToken
from dot_provider.hooks.connection import NAMES, server_of
from dot_provider.provider_info import provider_info


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
        ({"host": "https://dot"}, {}, "https://dot"),
        ({"host": "dot", "schema": "https"}, {}, "https://dot"),
        ({"host": "localhost"}, {}, "https://localhost"),
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


@pytest.mark.parametrize("written", [True, "true", "True", "1", 1])
def test_plain_http_is_allowed_by_the_extra_as_json_forms_and_uris_write_it(written: object) -> None:
    assert server_of(Fields(host="http://sandbox:8800"), {"allow_http": written}).origin == "http://sandbox:8800"


@pytest.mark.parametrize("written", [False, "false", "0", 0, None, ""])
def test_plain_http_is_refused_where_the_extra_says_no(written: object) -> None:
    with pytest.raises(DotConfigError, match=r"or set Allow http \(allow_http\) where nobody can listen"):
        server_of(Fields(host="http://sandbox:8800"), {"allow_http": written})


def test_an_environment_of_the_task_wins() -> None:
    assert server_of(Fields(), {"environment": "staging"}, "pr-12").environment == "pr-12"


@pytest.mark.parametrize(
    ("fields", "extra", "words"),
    [
        (
            {"password": None},
            {},
            "No Dot API token: create one in Dot under Settings / Users, for a service user, and put "
            "it into API token (password).",
        ),
        ({"password": "two\nlines"}, {}, "API token (password) contains a space, a line break"),
        (
            {"password": None, "login": "ada"},
            {},
            "Password login needs both User name (login) and API token (password)",
        ),
        (
            {"host": "http://dot.example.com"},
            {},
            "Region or URL (host) 'http://dot.example.com' would send the token unencrypted",
        ),
        (
            {"host": "https://dot.example.com/chat"},
            {},
            "Region or URL (host) must not have a path: give 'https://dot.example.com' alone.",
        ),
        (
            {"host": "https://user:pw@dot.example.com"},
            {},
            "Region or URL (host) must not hold a user name or password: put the token into API token (password).",
        ),
        ({"host": "eu"}, {"region": "us"}, "region 'us' and Region or URL (host) 'https://eu.getdot.ai' disagree"),
        (
            {"host": "https://dot.example.com:8443", "port": 443},
            {},
            "Region or URL (host) and Port disagree (8443 and 443)",
        ),
        ({"host": "asia"}, {}, "Region or URL (host) 'asia' is no region of Dot (us or eu)"),
        ({"host": "asia", "port": 8443}, {}, "Region or URL (host) 'asia' is no region"),
        ({"host": "eu", "port": 8443}, {}, "Port 8443 needs a host name or URL in Region or URL (host)"),
        (
            {},
            {"region": "mars"},
            "region 'mars' is unknown: use 'us' or 'eu', or Region or URL (host) for a self-hosted",
        ),
        ({}, {"enviroment": "staging"}, "unknown field 'enviroment'"),
        ({}, {"environment": "pr 12"}, "Environment 'pr 12' must be an environment's id"),
        ({"host": "dot.example.com", "port": 99999}, {}, "Port 99999 is none: it must be from 1 to 65535, or empty."),
        ({"host": "dot.example.com", "port": -1}, {}, "Port -1 is none"),
        (
            {"host": "dot.münchen.de"},
            {},
            "letters outside ASCII in its host: write the host in its form that begins with xn--",
        ),
        ({}, {"timeout": True}, "Timeout must be a number of seconds above 0, at most a day, not True"),
        ({}, {"timeout": "soon"}, "Timeout must be a number of seconds above 0, at most a day, not 'soon'"),
        ({}, {"allow_http": "maybe"}, "Allow http (allow_http) must be true or false, not 'maybe'."),
        ({}, {"timeout": -1}, "Timeout must be a number of seconds"),
        ({}, {"key_header": "Authorization"}, "API token's header (key_header) must be 'X-API-KEY' or 'API-KEY'"),
        (
            {"login": "ada"},
            {"url_auth_user": "ada@shop.example"},
            "leave User for URL authentication (url_auth_user) out",
        ),
    ],
)
def test_a_wrong_field_is_refused_as_the_form_calls_it_and_without_the_secret(
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


def test_an_environment_of_the_task_is_not_taken_for_a_field_of_the_connection() -> None:
    with pytest.raises(DotConfigError, match="the argument environment 'pr 12' must be an environment's id"):
        server_of(Fields(), {"environment": "staging"}, "pr 12")


def test_the_names_are_the_labels_of_the_form() -> None:
    form = provider_info()["connection-types"][0]
    labels = {**form["ui-field-behaviour"]["relabeling"], **{n: f["label"] for n, f in form["conn-fields"].items()}}
    names = {labels["host"], labels["password"], labels["login"], *(labels[name] for name in form["conn-fields"])}
    assert {name.partition(" (")[0] for name in asdict(NAMES).values()} == {*names, "region"}


PASTED = "sk_live_9f8e7d6c5b4a39281706f5e4d3c2b1a0"


@pytest.mark.parametrize("password", [PASTED, "another-token"])
@pytest.mark.parametrize(
    ("fields", "extra"),
    [
        ({}, {"timeout": PASTED}),
        ({}, {"region": PASTED}),
        ({}, {"environment": f"{PASTED} "}),
        ({}, {"allow_http": PASTED}),
        ({}, {"key_header": PASTED}),
        ({"host": PASTED}, {}),
        ({"host": PASTED, "schema": "https"}, {}),
        ({"host": PASTED}, {"allow_http": True}),
        ({"host": f"https://{PASTED}/"}, {}),
        ({"host": f"eyJhbGciOiJIUzI1NiJ9.{PASTED * 3}.{PASTED}"}, {}),
        ({"schema": PASTED}, {}),
    ],
)
def test_a_token_in_another_field_is_refused_and_not_shown(fields: Any, extra: Any, password: str) -> None:
    with pytest.raises(DotConfigError) as refused:
        server_of(Fields(**{"password": password, **fields}), extra)
    assert PASTED not in str(refused.value)


@pytest.mark.parametrize("place", ["host", "environment", "region", "url_auth_user"])
def test_a_short_token_in_another_field_is_refused_and_not_shown(place: str) -> None:
    fields, extra = ({place: "t0p"}, {}) if place == "host" else ({}, {place: "t0p"})
    with pytest.raises(DotConfigError) as refused:
        server_of(Fields(**{"password": "t0p", **fields}), extra)
    assert "t0p" not in str(refused.value)


@pytest.mark.parametrize("host", [None, "eu", "dot.example.com"])
def test_a_host_in_the_field_schema_is_refused(host: str | None) -> None:
    with pytest.raises(DotConfigError, match="Schema"):
        server_of(Fields(host=host, schema="dot.example.com"), {})
