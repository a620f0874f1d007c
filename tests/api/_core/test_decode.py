from __future__ import annotations

import io
import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api._core.call import Call
from dot_provider.api._core.decode import error_for, read_response
from dot_provider.api._core.messages import Response
from dot_provider.api.errors import (
    DotAuthError,
    DotConflictError,
    DotError,
    DotNotFoundError,
    DotPermissionError,
    DotProtocolError,
    DotRateLimitedError,
    DotRefusedError,
    DotServerError,
    DotValidationError,
)
from dot_provider.api.settings import ApiToken, Credentials, PasswordLogin, UrlToken
from tests.api.samples import call, response

NOW = 1_800_000_000.0
PAGE = b"<!doctype html><html><head><title>\n Sign in &amp; go\n</title></head></html>"


def failure(status: int, body: Any = b"", headers: dict[str, str] | None = None, **fields: Any) -> DotError:
    error = error_for(call(**fields), response(status, body, headers), NOW)
    assert error is not None
    return error


def refused_to_read(body: bytes, **fields: Any) -> DotProtocolError:
    with pytest.raises(DotProtocolError) as caught:
        read_response(call(**fields), response(200, body), NOW)
    return caught.value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "no such folder"}, "no such folder"),
        ({"error": {"message": "no such folder", "code": 7}}, "no such folder"),
        ({"error": True, "message": "no such folder"}, "no such folder"),
        ({"error": ["no such folder"]}, "no such folder"),
        ({"success": False, "detail": "no such folder"}, "no such folder"),
        ({"success": False}, "no reason given"),
        ({"ok": False}, "no reason given"),
        ({"status": "error", "id": "a1", "message": "no such folder."}, "no such folder"),
        ({"status": "ERROR"}, "ERROR"),
    ],
)
def test_a_write_that_dot_calls_failed_is_no_success(body: Any, words: str) -> None:
    for method, repeatable in [("POST", True), ("PUT", True), ("DELETE", True), ("POST", False)]:
        with pytest.raises(DotRefusedError) as caught:
            read_response(call(method=method, repeatable=repeatable), response(200, body), NOW)
        assert (caught.value.status, caught.value.retryable) == (200, repeatable)
        assert words in caught.value.detail


@pytest.mark.parametrize(
    "body",
    [
        {"error": None},
        {"error": ""},
        {"error": []},
        {"error": False, "success": True},
        {"success": None},
        {"status": "success", "errors": 0},
        {"status": "failed", "verdict": "fail"},
        ["error"],
        "error",
        None,
    ],
)
def test_any_other_reply_to_a_write_is_a_success(body: Any) -> None:
    read_response(call(method="POST"), response(200, body), NOW)


def test_what_is_read_may_hold_an_error() -> None:
    read_response(call(method="GET"), response(200, {"error": "of a question"}), NOW)


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, DotAuthError, "wants credentials"),
        (403, DotPermissionError, "higher role"),
        (404, DotNotFoundError, "check the id"),
        (407, DotRefusedError, "HTTP_PROXY"),
        (409, DotConflictError, "under way"),
        (422, DotValidationError, "correct the named fields"),
        (400, DotRefusedError, "does not accept"),
        (405, DotRefusedError, "does not accept"),
        (413, DotRefusedError, "does not accept"),
    ],
)
def test_each_refusal_says_what_to_do_and_what_dot_said(status: int, kind: type[DotRefusedError], advice: str) -> None:
    error = failure(status, {"detail": "No such thing."})
    assert type(error) is kind
    assert isinstance(error, DotRefusedError)
    assert not error.retryable
    assert (error.status, error.detail) == (status, "No such thing.")
    assert str(error).startswith(f"list things: refused ({status}): ")
    assert advice in str(error)
    assert str(error).endswith("Dot says: No such thing.")


@pytest.mark.parametrize(
    ("fields", "credentials", "words"),
    [
        (
            {},
            ApiToken("t"),
            "the API token is wrong, expired, for MCP only, or was replaced by a newer one",
        ),
        ({}, UrlToken("me@shop.example", "t"), "or not of the user in url_auth_user; check both"),
        ({}, PasswordLogin("me", "pw"), "Dot does not accept this user name and password; check both"),
        ({"auth": "none", "form": {}}, PasswordLogin("me", "pw"), "Dot does not accept this user name and password"),
        ({"auth": "none"}, ApiToken("t"), "it wants credentials, and none are sent there"),
    ],
)
def test_a_401_speaks_of_what_was_sent(fields: dict[str, Any], credentials: Credentials, words: str) -> None:
    error = error_for(call(**fields), response(401, {"detail": "Bad credentials"}), NOW, credentials)
    assert isinstance(error, DotAuthError)
    assert words in str(error)
    assert ("password" in str(error)) is isinstance(credentials, PasswordLogin)


def test_a_conflict_carries_what_is_in_the_way() -> None:
    error = failure(409, {"detail": {"message": "A run is active.", "active_run_id": "evr_7"}})
    assert isinstance(error, DotConflictError)
    assert error.payload == {"message": "A run is active.", "active_run_id": "evr_7"}


def test_a_422_names_fields_and_never_shows_what_was_sent() -> None:
    complaint = {
        "loc": ["body", "password"],
        "msg": "too short",
        "type": "x",
        "input": "hunter2",
        "ctx": {"v": "hunter2"},
    }
    error = failure(422, {"detail": [complaint, {"loc": ["query", "start_date"], "msg": "Field required"}]})
    assert isinstance(error, DotValidationError)
    assert error.fields == ["body.password", "query.start_date"]
    assert "body.password: too short; query.start_date: Field required" in str(error)
    assert "hunter2" not in str(error) + repr(error.payload)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "text"}, "text"),
        ({"detail": {"error": "words"}}, "words"),
        ({"detail": {"msg": "words", "code": 7}}, "words"),
        ({"detail": {"reason": "quota", "used": 7}}, "reason=quota"),
        ({"detail": {"error": {"deep": 1}}}, ""),
        ({"detail": ["first", {"loc": None, "msg": "second"}, {"loc": "body"}, 7, {}]}, "first; second; body"),
        ({"detail": None}, ""),
        ({"message": "no detail"}, "no detail"),
        (["bare"], "bare"),
        ("bare", "bare"),
        (7, ""),
        (b"upstream connect error\x00\r\n\x1b[31mforged line", "upstream connect error [31mforged line"),
        (b"\xff\xfe", "��"),
        (b"", ""),
        (b"[" * 100_000, "[" * 300),
        ({"detail": "long " * 1000}, ("long " * 60).strip()),
    ],
)
def test_dots_own_words_are_found_in_any_shape_and_kept_to_one_line(body: Any, words: str) -> None:
    error = failure(400, body)
    assert isinstance(error, DotRefusedError)
    assert error.detail == words
    assert str(error).endswith(f" Dot says: {words}" if words else "does not accept this request.")


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
        lambda detail: json.dumps({"detail": detail}).encode()
    ),
    st.integers(300, 599),
)
def test_no_body_hides_the_status_it_came_with(body: bytes, status: int) -> None:
    error = failure(status, body, {"location": body.decode("latin-1")})
    assert f"({status})" in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 700


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("1.5", 1.5),
        ("86400", 86400.0),
        (formatdate(NOW + 60, usegmt=True), 60.0),
        ("soon", None),
    ],
)
def test_too_many_requests_and_failures_carry_retry_after(retry_after: str | None, seconds: float | None) -> None:
    headers = {"retry-after": retry_after} if retry_after else None
    limited, broken = failure(429, headers=headers), failure(503, headers=headers)
    assert isinstance(limited, DotRateLimitedError)
    assert isinstance(broken, DotServerError)
    assert limited.retry_after == broken.retry_after == seconds
    assert broken.status == 503


def test_a_proxys_page_is_named_by_its_title_and_not_dumped() -> None:
    error = failure(502, PAGE)
    assert str(error) == (
        "list things: the server failed (502). Dot says: a web page titled 'Sign in &amp; go', "
        "so a proxy answered instead of Dot"
    )


@pytest.mark.parametrize("body", [PAGE, b"\xef\xbb\xbf" + PAGE, b" " * 99 + PAGE, b"<Error/>"])
@pytest.mark.parametrize("reading", [{}, {"accepts": "text"}, {"sink": io.BytesIO()}])
def test_a_page_with_status_200_is_not_taken_for_an_answer(body: bytes, reading: dict[str, Any]) -> None:
    error = refused_to_read(body, **reading)
    assert str(error).startswith("list things: the answer (200, application/json) is a web page")
    assert ("titled 'Sign in &amp; go'" in str(error)) == (b"title" in body)
    assert "check Dot's address" in str(error)


def test_a_long_title_is_cut() -> None:
    assert len(str(refused_to_read(b"<title>" + b"x" * 9999 + b"</title>"))) < 450


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_is_not_json_is_refused(number: str) -> None:
    error = refused_to_read(f'{{"a": [1.5, {number}]}}'.encode())
    assert str(error).endswith(f"contains {number}, which is not JSON.")


def test_finite_numbers_are_read_as_they_are() -> None:
    assert read_response(call(), response(200, b"[1.5, 1e300, 7]"), NOW) == [1.5, 1e300, 7]


@pytest.mark.parametrize(
    ("body", "words", "retryable"),
    [
        (b"[" * 100_000, "nested too deeply", False),
        (b'{"a":' * 100_000, "nested too deeply", False),
        (b'{"a": "\xff"}', "not valid UTF-8", True),
        (b'{"a": "\xc3', "not valid UTF-8", True),
        (b'[{"a": 1}, {"a"', "cut off or not JSON", True),
        (b"ok", "cut off or not JSON", True),
    ],
)
def test_a_body_that_is_no_json_is_our_own_error(body: bytes, words: str, retryable: bool) -> None:
    error = refused_to_read(body)
    assert words in str(error)
    assert "(200, application/json)" in str(error)
    assert error.retryable is retryable


@pytest.mark.parametrize("body", [b" \n" * 99 + b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}', b'{"a": 0, "a": 1}'])
def test_padding_a_byte_order_mark_and_repeated_keys_are_read(body: bytes) -> None:
    assert read_response(call(), response(200, body), NOW) == {"a": 1}


@pytest.mark.parametrize("body", [b"", b"  \n", b"null"])
def test_an_empty_body_is_nothing_and_the_call_decides(body: bytes) -> None:
    assert read_response(call(), response(204, body), NOW) is None
    error = refused_to_read(body, read=lambda document: document["id"])
    assert "unexpected shape: nothing with status 200" in str(error)


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda d: d["id"], "(missing: id): dict"),
        (lambda d: d.nothing, "shape: dict"),
        (lambda d: d[0], "(missing: 0)"),
        (lambda d: int("x"), "shape: dict"),
        (lambda d: [][1], "shape: dict"),
        (lambda d: 1 + d, "shape: dict"),
    ],
)
def test_a_shape_that_a_call_cannot_read_is_our_own_error(read: Any, words: str) -> None:
    error = refused_to_read(b"{}", read=read)
    assert words in str(error)
    assert error.__suppress_context__


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://elsewhere.example/api?api_token=x", "to elsewhere.example, which"),
        ("https://user:pw@elsewhere.example/", "to elsewhere.example, which"),
        ("/login", "to the same host, which"),
        ("http://[broken", "to somewhere that is no URL, which"),
        (None, "to the same host, which"),
    ],
)
@pytest.mark.parametrize("reading", [{}, {"accepts": "text"}, {"sink": io.BytesIO()}])
def test_a_redirect_is_refused_and_names_only_the_host(
    location: str | None, shown: str, reading: dict[str, Any]
) -> None:
    error = failure(307, b"", {"location": location} if location else None, **reading)
    assert isinstance(error, DotProtocolError)
    assert shown in str(error)
    assert "api_token" not in str(error) + str(error.args)
    assert "pw" not in str(error)


def test_a_file_comes_with_its_type_and_a_redirect_of_it_with_its_target() -> None:
    file = read_response(call(accepts="file"), response(200, PAGE, {"content-type": "image/png"}), NOW)
    assert (file.content, file.content_type, file.location) == (PAGE, "image/png", None)
    moved = read_response(call(accepts="file"), response(302, b"", {"location": "/there"}), NOW)
    assert moved.location == "/there"


def test_a_redirect_of_a_file_to_nowhere_is_an_error() -> None:
    assert isinstance(failure(302, accepts="file"), DotProtocolError)


def test_text_is_read_as_utf_8() -> None:
    assert read_response(call(accepts="text"), response(200, "exposures: [ü]".encode()), NOW) == "exposures: [ü]"
    assert "not valid UTF-8" in str(refused_to_read(b"\xff", accepts="text"))


def test_a_sink_that_stayed_empty_is_no_answer() -> None:
    assert read_response(call(sink=io.BytesIO()), response(200, b"["), NOW) is None
    assert refused_to_read(b"", sink=io.BytesIO()).retryable


@pytest.mark.parametrize("status", [404, 405, 501])
def test_another_server_at_base_url_is_told_from_dot_by_its_page(status: int) -> None:
    page = Response(status, {"content-type": "text/html"}, b"<html><title>Error response</title></html>")
    error = error_for(Call("whoami", "GET", "/api/auth/me", str), page, now=0)
    assert isinstance(error, DotProtocolError)
    assert not error.retryable
    assert "titled 'Error response', not Dot's API: check Dot's address" in str(error)


@pytest.mark.parametrize("field", ["user_id", "api_token"])
def test_a_server_that_wants_the_token_in_the_url_is_told_by_the_settings_name(field: str) -> None:
    complaint = {"detail": [{"loc": ["query", field], "msg": "field required", "type": "value_error.missing"}]}
    error = error_for(call(), response(422, complaint), NOW, ApiToken("t"))
    assert "set url_auth_user to the e-mail address of the token's user" in str(error)
