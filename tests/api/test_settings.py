from __future__ import annotations

import logging
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.errors import DotConfigError
from dot_provider.api.settings import (
    ApiToken,
    PasswordLogin,
    SettingNames,
    UrlToken,
    checked_origin,
    checked_token,
    environment_header,
    server,
)
from tests.api.samples import TOKEN

ORIGINS = [
    ("https://app.getdot.ai", "https://app.getdot.ai"),
    ("  https://app.getdot.ai  ", "https://app.getdot.ai"),
    ("https://app.getdot.ai/", "https://app.getdot.ai"),
    ("https://app.getdot.ai//", "https://app.getdot.ai"),
    ("https://app.getdot.ai/api", "https://app.getdot.ai"),
    ("https://app.getdot.ai/api/", "https://app.getdot.ai"),
    ("HTTPS://App.GetDot.AI", "https://app.getdot.ai"),
    ("https://app.getdot.ai:443", "https://app.getdot.ai"),
    ("https://dot.corp:8443", "https://dot.corp:8443"),
    ("https://dot_internal", "https://dot_internal"),
    ("https://10.0.0.7", "https://10.0.0.7"),
    ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ("http://localhost:8800", "http://localhost:8800"),
    ("http://127.0.0.1:80", "http://127.0.0.1"),
    ("http://127.9.9.9", "http://127.9.9.9"),
    ("http://[::1]:8800", "http://[::1]:8800"),
]

REFUSED_ORIGINS = {
    "https://app.getdot.ai@evil.example": "user name",
    "https://user:pw@app.getdot.ai": "user name",
    "https://@evil.example": "user name",
    "https://evil.example\\@app.getdot.ai": "user name",
    "https://evil.example#app.getdot.ai": "fragment",
    "https://app.getdot.ai#": "fragment",
    "https://app.getdot.ai?": "query",
    "https://app.getdot.ai/?api_token=x": "query",
    "https://app.getdot.ai/chat": "path",
    "https://app.getdot.ai/api/..": "path",
    "https://app.getdot.ai\\.evil.example": "host",
    "http://app.getdot.ai": "unencrypted",
    "http://127.0.0.1.evil.example": "unencrypted",
    "http://localhost.evil.example": "unencrypted",
    "http://0x7f.1": "unencrypted",
    "ftp://app.getdot.ai": "https://",
    "file:///etc/passwd": "host",
    "file://host/etc/passwd": "https://",
    "app.getdot.ai": "host",
    "//app.getdot.ai": "host",
    "https://": "host",
    "https:///api": "host",
    "https://..": "host",
    "https://app..getdot.ai": "host",
    "https://app.getdot.ai:0": "host",
    "https://app.getdot.ai:99999": "URL",
    "https://app.getdot.ai:port": "URL",
    "https://[::1": "URL",
    "https://[::1%25lo]": "host",
    "https://app.getdot.ai%2eevil.example": "host",
    "https://\u0430pp.getdot.ai": "host",
    "https://app.getdot.ai\u2024evil": "URL|host",
    "https://app.get dot.ai": "host",
    "https://app.getdot.ai\n.evil.example": "host",
    "https://app.getdot.ai\x00": "host",
    "   ": "empty",
    "": "empty",
    "https://dot.example.com:8443/app": "'https://dot.example.com:8443' alone",
}


@pytest.mark.parametrize(("base_url", "origin"), ORIGINS)
def test_a_base_url_is_reduced_to_its_origin(base_url: str, origin: str) -> None:
    assert checked_origin(base_url) == origin


@pytest.mark.parametrize("base_url", REFUSED_ORIGINS, ids=repr)
def test_a_base_url_that_could_lead_elsewhere_is_refused(base_url: str) -> None:
    with pytest.raises(DotConfigError, match=REFUSED_ORIGINS[base_url]):
        checked_origin(base_url)


@pytest.mark.parametrize("base_url", [TOKEN, f"https://app.getdot.ai/{TOKEN}", f"https://x:{TOKEN}@app.getdot.ai"])
def test_a_token_in_the_place_of_the_base_url_is_not_shown(base_url: str) -> None:
    with pytest.raises(DotConfigError) as caught:
        server(token="https://app.getdot.ai", base_url=base_url)
    assert TOKEN not in str(caught.value)


@given(st.text())
def test_no_base_url_breaks_the_check(text: str) -> None:
    try:
        origin = checked_origin(text)
    except DotConfigError:
        return
    assert origin.startswith(("https://", "http://"))
    assert checked_origin(origin) == origin


@pytest.mark.parametrize(
    ("base_url", "region", "origin"),
    [
        (None, None, "https://app.getdot.ai"),
        (None, "", "https://app.getdot.ai"),
        (None, " EU ", "https://eu.getdot.ai"),
        (None, "us", "https://app.getdot.ai"),
        ("https://eu.getdot.ai/", "eu", "https://eu.getdot.ai"),
    ],
)
def test_a_region_stands_for_its_origin(base_url: str | None, region: str | None, origin: str) -> None:
    assert checked_origin(base_url, region) == origin


@pytest.mark.parametrize(
    ("base_url", "region", "words"),
    [
        (None, "mars", "use 'us' or 'eu'"),
        (None, 1, "region 1 is unknown"),
        ("https://dot.corp", "eu", "disagree"),
        (7, None, "base_url must be text, not int"),
    ],
)
def test_an_impossible_place_is_refused(base_url: Any, region: Any, words: str) -> None:
    with pytest.raises(DotConfigError, match=words):
        checked_origin(base_url, region)


@pytest.mark.parametrize("token", [TOKEN, f"  {TOKEN}\n", f"\r\n{TOKEN}\r\n", f"\ufeff {TOKEN}"[1:]])
def test_a_token_is_stripped(token: str) -> None:
    assert checked_token(token) == TOKEN


@pytest.mark.parametrize(
    "token",
    [f"{TOKEN}\n{TOKEN}", f"{TOKEN} x", f"“{TOKEN}”", f"{TOKEN}\u200b", f"{TOKEN}\x00", f"ü{TOKEN}"],
    ids=ascii,
)
def test_a_token_that_no_header_can_carry_is_refused_unseen(token: str) -> None:
    with pytest.raises(DotConfigError, match="copy the token again") as caught:
        checked_token(token)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("token", [None, "", "  ", "\n"])
def test_a_missing_token_says_where_to_get_one(token: str | None) -> None:
    with pytest.raises(DotConfigError, match="Settings / Users"):
        checked_token(token)


@pytest.mark.parametrize("token", [7, b"bytes", ["x"]])
def test_a_token_that_is_no_text_is_refused(token: Any) -> None:
    with pytest.raises(DotConfigError, match="password must be text, not"):
        checked_token(token, "password")


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [
        ({"token": TOKEN}, ApiToken(TOKEN)),
        ({"token": TOKEN, "token_header": "api-key"}, ApiToken(TOKEN, "API-KEY")),
        ({"token": TOKEN, "url_auth_user": "me@shop.example"}, UrlToken("me@shop.example", TOKEN)),
        ({"username": "me", "password": TOKEN}, PasswordLogin("me", TOKEN)),
        ({"token": "", "username": "me", "password": TOKEN}, PasswordLogin("me", TOKEN)),
        ({"token": TOKEN, "username": "me", "password": "pw"}, ApiToken(TOKEN)),
    ],
)
def test_a_token_comes_first_then_a_password(settings: dict[str, Any], credentials: object) -> None:
    described = server(**settings)
    assert described.credentials == credentials
    assert TOKEN not in repr(described)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "No Dot API token"),
        ({"username": "me"}, "needs both"),
        ({"password": TOKEN}, "needs both"),
        ({"username": "me", "password": TOKEN, "url_auth_user": "me@shop.example"}, "leave url_auth_user out"),
        ({"token": TOKEN, "token_header": "Authorization"}, "'X-API-KEY' or 'API-KEY'"),
        ({"token": TOKEN, "token_header": None}, "'X-API-KEY' or 'API-KEY'"),
        *(({"token": TOKEN, "timeout": t}, "timeout must be") for t in (0, -1, None, True, "60", float("nan"))),
        *(({"token": TOKEN, "timeout": t}, "at most a day") for t in (float("inf"), 1e9)),
        *(({"token": TOKEN, "environment": e}, "environment") for e in (" env", "e\r\nX: y", "ü", 7)),
    ],
)
def test_a_wrong_setting_is_named_without_a_secret(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(DotConfigError, match=words) as caught:
        server(**settings)
    assert TOKEN not in str(caught.value)


ALL = [
    ({"base_url": "http://dot.example.com"}, "<base_url> 'http://dot.example.com' would send the token unencrypted"),
    ({"base_url": "http://dot.example.com"}, "use https://, or set <allow_http> where nobody can listen on the way"),
    ({"base_url": "http://eu.getdot.ai", "allow_http": True}, "<base_url> 'http://eu.getdot.ai' would send the token"),
    ({"allow_http": "yes"}, "<allow_http> must be true or false, not 'yes'."),
    ({"base_url": "dot"}, "<base_url> has no scheme and host"),
    ({"base_url": "https://a:b@dot"}, "<base_url> must not hold a user name or password: put the token into <token>."),
    ({"region": "mars"}, "<region> 'mars' is unknown: use 'us' or 'eu', or <base_url> for"),
    ({"region": "eu", "base_url": "https://dot"}, "<region> 'eu' and <base_url> 'https://dot' disagree"),
    ({"environment": "a b"}, "<environment> 'a b' must be"),
    ({"timeout": 0}, "<timeout> must be a number"),
    ({"token": None}, "put it into <token>."),
    ({"token": "a b"}, "<token> contains a space"),
    ({"token_header": "X"}, "<token_header> must be"),
    ({"token": None, "username": "me"}, "needs both <username> and <password>"),
    ({"token": None, "username": "me", "password": "pw", "url_auth_user": "me"}, "or leave <url_auth_user> out"),
]


@pytest.mark.parametrize(("settings", "words"), ALL, ids=str)
def test_settings_are_called_what_the_user_knows_them_as(settings: dict[str, Any], words: str) -> None:
    names = SettingNames(**{field.name: f"<{field.name}>" for field in fields(SettingNames)})
    with pytest.raises(DotConfigError) as caught:
        server(**{"token": TOKEN, **settings}, names=names)
    assert words in str(caught.value)


def test_an_environment_becomes_its_header() -> None:
    assert environment_header("env_1") == {"X-Dot-Environment": "env_1"}
    assert server(token=TOKEN, environment="").environment is None
    assert server(token=TOKEN, environment="env_1").environment == "env_1"


def test_plain_http_to_another_machine_is_one_setting_and_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):  # a sensor makes a client at each tick
        described = server(token=TOKEN, base_url="http://dot.internal:8800/", allow_http=True)
    assert described.origin == "http://dot.internal:8800"
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert record.getMessage() == (
        "allow_http is on: the Dot API token travels to http://dot.internal:8800 unencrypted, for everybody on the way "
        "to read."
    )


@pytest.mark.parametrize("base_url", ["https://dot.example.com", "http://127.0.0.1:8800", None])
def test_nothing_is_warned_about_where_nothing_travels_unencrypted(
    base_url: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    server(token=TOKEN, base_url=base_url, allow_http=True)
    assert caplog.records == []


def test_url_authentication_is_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    server(token=TOKEN, url_auth_user="me@shop.example")
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "access logs keep it" in record.getMessage()
    assert TOKEN not in record.getMessage()


def test_a_chat_id_cannot_change_where_its_link_leads() -> None:
    link = server(token=TOKEN).chat_url("a&b=#c/../d)")
    assert link == "https://app.getdot.ai/?c=a%26b%3D%23c%2F..%2Fd%29"
