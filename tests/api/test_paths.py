from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import Request
from yarl import URL

from dot_provider.api.errors import DotUsageError
from dot_provider.api.paths import api_path, checked_id, checked_line

REFUSED = [
    *("", " ", "   ", "\t", ".", "..", " . ", " .. ", "./", "../", "../..", "../auth/me", "..\\auth", "a/b", "/", "//"),
    *(
        "/etc/passwd",
        "\\",
        "a\\b",
        "..;/x",
        "%2e",
        "%2e%2e",
        "%2E%2E",
        ".%2e",
        "%2e.",
        "%2f",
        "a%2fb",
        "..%2fauth",
        "%5c",
    ),
    *(
        "a%5Cb",
        "\x00",
        "a\x00b",
        "%00",
        "a%00b",
        "a\nb",
        "a\r\nX-Header: 1",
        "%0a",
        "%0d%0a",
        "a\tb",
        "\x1b[31m",
        "\x7f",
    ),
    *("\x85", "\u2028", "\u2029", "\ud800", "a\udfff", "%20", "http://evil.example/", "https:%2f%2fevil.example"),
]
TAKEN = [
    *(
        "shop",
        "a.b",
        "...",
        "..a",
        "a..",
        ".hidden",
        "-",
        "_",
        "a b",
        "a?b",
        "a#b",
        "a&b=c",
        "a;b",
        "a:b",
        "a@b",
        "a+b",
    ),
    *(
        "a%b",
        "%",
        "%zz",
        "%252e%252e",
        "ünïcode",
        "日本",
        "😀",
        "a'b",
        'a"b',
        "<a>",
        "{a}",
        "[a]",
        "a,b",
        "~a",
        "evr_1",
    ),
]


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_an_id_that_could_leave_its_place_is_refused(value: str) -> None:
    with pytest.raises(DotUsageError, match=r"^connection_id "):
        api_path("sync", "dbt", ("connection_id", value))


@pytest.mark.parametrize("value", [None, 7, b"shop", ["shop"], True], ids=repr)
def test_an_id_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(DotUsageError, match="connection_id must be text, not"):
        checked_id("connection_id", value)


@pytest.mark.parametrize("value", TAKEN, ids=repr)
def test_any_other_id_arrives_as_one_segment(value: str) -> None:
    path = api_path("sync", "dbt", ("connection_id", value))
    assert path.startswith("/api/sync/dbt/")
    assert unquote(path.removeprefix("/api/sync/dbt/")) == value


def test_the_table_has_every_case_that_clients_are_known_to_fall_for() -> None:
    assert len(REFUSED) >= 45


@given(st.text(min_size=1))
def test_no_text_leaves_its_segment_in_either_http_library(value: str) -> None:
    try:
        path = api_path("evaluations", ("evaluation_id", value), "runs")
    except DotUsageError:
        return
    for url in (
        str(Request("GET", f"https://dot.example{path}").prepare().url),
        str(URL(f"https://dot.example{path}", encoded=True)),
    ):
        assert urlsplit(url).path.count("/") == 4
        assert urlsplit(url).path.startswith("/api/evaluations/")
        assert urlsplit(url).path.endswith("/runs")
        assert not urlsplit(url).query
        assert not urlsplit(url).fragment


def test_a_long_value_is_shown_shortened() -> None:
    with pytest.raises(DotUsageError) as caught:
        checked_id("chat_id", "x/" * 5000)
    assert len(str(caught.value)) < 250


def test_a_line_may_hold_slashes_but_no_line_break() -> None:
    assert checked_line("asset_id", "folder/dashboard 7") == "folder/dashboard 7"
    with pytest.raises(DotUsageError, match="control character"):
        checked_line("asset_id", "a\nINFO forged log line")
