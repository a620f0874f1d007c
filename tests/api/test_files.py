from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api._core.call import Call
from dot_provider.api.errors import DotNotFoundError, DotProtocolError, DotUsageError
from dot_provider.api.files import MAX_REDIRECTS, Download, download
from dot_provider.api.settings import server
from dot_provider.sandbox import Sandbox
from tests.api.runs import Run
from tests.api.samples import TOKEN
from tests.both_clients import Connect

DOT = server(token=TOKEN)
LOCAL = server(token=TOKEN, base_url="http://127.0.0.1:8800")
FILE = Download(b"n\n7\n", "text/csv")


def moved(location: str) -> Download:
    return Download(b"", "text/html", location)


def fetched(url: str, *answers: Download, settings: Any = DOT) -> tuple[list[tuple[str, bool]], Download]:
    """Return the URLs that were fetched, each with whether the token went along, and the file."""
    sent: list[tuple[str, bool]] = []
    left = iter(answers)

    def play(call: Call[Any]) -> Any:
        sent.append((call.path, call.auth == "header"))
        return next(left)

    return sent, Run(play, settings)(download(url))


def test_files_of_an_answer_are_downloaded(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    answer = client.ask("How many orders by region?")
    csv = client.download(answer.tables[0].csv_url)
    png = client.download(answer.charts[0].png_url)
    assert csv.content_type == "text/csv"
    assert png.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "url",
    [
        "/api/download_csv?chat_id=c&df_key=df_1",
        " https://app.getdot.ai/api/download_csv?chat_id=c&df_key=df_1 ",
        "https://app.getdot.ai:443/api/download_csv?chat_id=c&df_key=df_1",
        "//app.getdot.ai/api/download_csv?chat_id=c&df_key=df_1",
    ],
)
def test_the_token_goes_to_dots_own_origin(url: str) -> None:
    sent, file = fetched(url, FILE)
    assert file == FILE
    assert [token for _, token in sent] == [True]


@pytest.mark.parametrize(
    "url",
    [
        "https://files.example/x.csv",
        "https://app.getdot.ai.evil.example/x",
        "https://app.getdot.ai:8443/x",
        "https://app.getdot.ai@evil.example/x",
        "https://[2001:db8::1]/x",
        "//evil.example/x",
    ],
)
def test_the_token_goes_to_no_other_origin(url: str) -> None:
    assert [token for _, token in fetched(url, FILE)[0]] == [False]


def test_once_a_redirect_left_dot_the_token_is_not_sent_again() -> None:
    answers = [moved("/api/there"), moved("https://files.example/x"), moved("https://app.getdot.ai/api/back"), FILE]
    sent, _ = fetched("/api/here", *answers)
    assert sent == [
        ("https://app.getdot.ai/api/here", True),
        ("https://app.getdot.ai/api/there", True),
        ("https://files.example/x", False),
        ("https://app.getdot.ai/api/back", False),
    ]


@pytest.mark.parametrize("url", ["http://app.getdot.ai/x", "http://files.example/x"])
def test_an_unencrypted_link_is_not_followed(url: str) -> None:
    for answers, start in (([], url), ([moved(url)], "/api/here")):
        with pytest.raises(DotProtocolError, match="unencrypted"):
            fetched(start, *answers)


def test_a_local_dot_may_link_without_encryption() -> None:
    sent, _ = fetched("http://127.0.0.1:8800/x", moved("http://127.0.0.1:9900/y"), FILE, settings=LOCAL)
    assert sent == [("http://127.0.0.1:8800/x", True), ("http://127.0.0.1:9900/y", False)]


def test_a_circle_of_redirects_ends() -> None:
    with pytest.raises(DotProtocolError, match="redirects more than 5 times"):
        fetched("/api/a", *[moved("/api/a")] * (MAX_REDIRECTS + 1))


@pytest.mark.parametrize("url", ["", "  ", None, 7])
def test_an_absent_link_is_refused(url: Any) -> None:
    with pytest.raises(DotUsageError, match="has no link"):
        fetched(url)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "https://h:99999/", "https://h:0/", "http://[x"]
)
def test_a_link_that_is_no_web_address_is_refused_unseen(url: str) -> None:
    """Also as the target of a redirect; a link can hold a secret, so the error does not show it."""
    for answers, start in (([], url), ([moved(url)], "/api/here")):
        with pytest.raises(DotUsageError, match=r"^The link of this file is no web address\.$"):
            fetched(start, *answers)


@given(st.text(min_size=1))
def test_no_link_breaks_the_download_or_gets_the_token_abroad(url: str) -> None:
    try:
        sent, _ = fetched(url, FILE)
    except (DotUsageError, DotProtocolError):
        return
    ((target, token),) = sent
    assert target.isascii()
    assert not set(target) & set(" \r\n\t\\\x00")
    assert token is target.startswith(("https://app.getdot.ai/", "https://app.getdot.ai?", "https://app.getdot.ai#"))


def test_a_file_that_is_gone_says_so(dot: Sandbox, connect: Connect) -> None:
    with pytest.raises(DotNotFoundError, match="download a file of an answer"):
        connect(dot.base_url).download("/api/asset/gone.png")
