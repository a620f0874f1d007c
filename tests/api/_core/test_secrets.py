from __future__ import annotations

import html
import json
from dataclasses import replace
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api._core.decode import scrubbed
from dot_provider.api.settings import ApiToken, Credentials, PasswordLogin, UrlToken
from tests.api.samples import TOKEN, call, response

PASSWORD = "p\"a\\s/s<w&ö r'd"
CREDENTIALS = [ApiToken(TOKEN), UrlToken("me@shop.example", TOKEN), PasswordLogin("me", TOKEN)]


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("status", [302, 400, 422, 500])
def test_our_secret_is_taken_out_of_every_failure(credentials: Credentials, status: int) -> None:
    echo = response(status, f"bad token {TOKEN}".encode(), {"location": f"https://x.example/?api_token={TOKEN}"})
    clean = scrubbed(call(), echo, credentials)
    assert clean.body == b"bad token ***"
    assert clean.headers["location"] == "https://x.example/?api_token=***"
    assert clean.status == status


@pytest.mark.parametrize(
    "written",
    [
        PASSWORD,
        json.dumps({"input": PASSWORD}),
        json.dumps({"input": PASSWORD}, ensure_ascii=False),
        json.dumps({"input": PASSWORD}).replace("/", "\\/"),
        html.escape(PASSWORD),
        html.escape(PASSWORD, quote=False),
        f"https://x.example/?password={quote(PASSWORD, safe='')}",
        f"username=me&password={quote_plus(PASSWORD)}",
    ],
)
def test_a_secret_is_found_however_it_is_written(written: str) -> None:
    clean = scrubbed(call(), response(422, written.encode()), PasswordLogin("me", PASSWORD))
    assert "***" in clean.body.decode()
    assert "w&" not in clean.body.decode()
    assert "w%26" not in clean.body.decode()


def test_the_bearer_of_a_login_is_taken_out_too() -> None:
    clean = scrubbed(call(), response(401, b"bearer-1 of password-1"), PasswordLogin("me", "password-1"), "bearer-1")
    assert clean.body == b"*** of ***"


def test_a_page_is_cleaned_whatever_its_status() -> None:
    page = f"<title>Hello {TOKEN}</title>".encode()
    assert TOKEN.encode() not in scrubbed(call(), response(200, page), ApiToken(TOKEN)).body


def test_a_result_is_left_as_it_is_and_its_headers_are_cleaned() -> None:
    result = replace(response(200, {"access_token": TOKEN}), headers={"content-type": f"text/{TOKEN}"})
    clean = scrubbed(call(), result, ApiToken(TOKEN))
    assert clean.body == result.body
    assert clean.headers == {"content-type": "text/***"}


def test_a_reply_to_a_write_may_be_told_and_is_cleaned() -> None:
    assert TOKEN.encode() not in scrubbed(call(method="POST"), response(200, {"error": TOKEN}), ApiToken(TOKEN)).body


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8), st.text(), st.text())
def test_no_token_survives_among_any_other_text(token: str, before: str, behind: str) -> None:
    body = json.dumps({"detail": before + token + behind}, ensure_ascii=False).encode("utf-8", "replace")
    clean = scrubbed(call(), response(500, body), ApiToken(token)).body.decode("utf-8", "replace")
    assert json.dumps(token)[1:-1] not in clean
