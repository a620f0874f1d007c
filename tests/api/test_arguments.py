"""Arguments and paths are checked before anything is sent."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import Request
from yarl import URL

from dot_provider.api.arguments import (
    api_path,
    checked_count,
    checked_day,
    checked_email,
    checked_flag,
    checked_id,
    checked_line,
    checked_moment,
    checked_seconds,
    checked_text,
    checked_texts,
    ordered_days,
)
from dot_provider.api.errors import DotUsageError


@pytest.mark.parametrize("value", [None, 7, b"x", ["x"]])
def test_text_must_be_text(value: Any) -> None:
    with pytest.raises(DotUsageError, match="title must be text, not"):
        checked_text("title", value)


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_text_must_say_something(value: str) -> None:
    with pytest.raises(DotUsageError, match="title is empty"):
        checked_text("title", value)


def test_text_is_kept_as_it_is() -> None:
    assert checked_text("title", " a\nb ") == " a\nb "


@pytest.mark.parametrize("values", ["why", b"why", {"why": 1}, None, 7])
def test_a_list_of_texts_must_be_a_list(values: Any) -> None:
    """One text is a sequence of characters too, each of which would count as a text of its own."""
    with pytest.raises(DotUsageError, match="labels must be a list of texts, not"):
        checked_texts("labels", values)


@pytest.mark.parametrize(("values", "words"), [(["a", " "], "is empty"), (("a", None), "must be text")])
def test_each_text_of_a_list_is_checked_and_named(values: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=rf"labels\[1\] {words}"):
        checked_texts("labels", values)


@pytest.mark.parametrize("values", [[], (), ["a", "b"], ("a",)])
def test_a_list_of_texts_is_kept(values: Any) -> None:
    assert checked_texts("labels", values) == list(values)


def test_an_email_address_is_stripped() -> None:
    assert checked_email(" ada@shop.example\n") == "ada@shop.example"


WRITTEN = ["<a@b.c>", "mailto:a@b.c", "a;b@c.d", "a@b.c,", "a@b..c", "a@.b", "a@b."]


@pytest.mark.parametrize(
    "value", ["ada", "ada@", "@shop", "a@b@c", "a b@c", "a@b\x00", "a\n@b", "a@b\x1b[31m", *WRITTEN]
)
def test_what_is_no_email_address_is_refused(value: str) -> None:
    with pytest.raises(DotUsageError, match="email"):
        checked_email(value)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-11-22", "2026-11-22"),
        (" 2026-1-2 ", "2026-01-02"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2026, 11, 22, 23, 59, tzinfo=timezone.utc), "2026-11-22"),
    ],
)
def test_a_day_is_taken_from_dates_and_text(value: Any, day: str) -> None:
    assert checked_day("start_date", value) == day


@pytest.mark.parametrize("value", ["", "today", "2026-02-30", "22.11.2026", "2026-11-22T00:00:00", None, 20261122])
def test_what_is_no_day_is_refused(value: Any) -> None:
    with pytest.raises(DotUsageError, match=r"start_date .* is not a day in the form YYYY-MM-DD"):
        checked_day("start_date", value)


@given(st.dates(), st.dates())
def test_days_are_accepted_in_order_only(start: date, end: date) -> None:
    if start <= end:
        assert ordered_days(start, end.isoformat()) == (start.isoformat(), end.isoformat())
        return
    with pytest.raises(DotUsageError, match=f"end_date {end} is before start_date {start}: swap or correct them"):
        ordered_days(start.isoformat(), end)


@pytest.mark.parametrize("value", [90, 90.0, timedelta(minutes=1, seconds=30)])
def test_a_time_to_wait_is_a_number_of_seconds_or_a_timedelta(value: Any) -> None:
    assert checked_seconds("timeout", value) == 90.0


NO_WAITS = [0, -1, True, None, "90", float("nan"), float("inf"), 10**400, timedelta(0), timedelta.max]


@pytest.mark.parametrize("value", NO_WAITS, ids=lambda value: str(value)[:20])
def test_a_time_to_wait_is_above_zero_and_not_for_ever(value: Any) -> None:
    with pytest.raises(DotUsageError, match="timeout must be a number of seconds above 0, or a timedelta, not"):
        checked_seconds("timeout", value)


@pytest.mark.parametrize(("value", "flag"), [(True, True), ("False", False), (" true ", True), (False, False)])
def test_a_switch_may_be_what_a_template_renders(value: Any, flag: bool) -> None:
    assert checked_flag("dry_run", value) is flag


@pytest.mark.parametrize("value", ["", "no", None, 1, [], "{{ params.dry }}"])
def test_what_is_no_switch_is_refused(value: Any) -> None:
    with pytest.raises(DotUsageError, match="dry_run must be true or false, not"):
        checked_flag("dry_run", value)


@pytest.mark.parametrize("value", [-1, True, "three", "1.5", None, "9" * 400])
def test_a_count_is_a_whole_number_or_its_digits(value: Any) -> None:
    assert checked_count("lookback_days", "3") == checked_count("lookback_days", 3) == 3
    with pytest.raises(DotUsageError, match="lookback_days must be a whole number from 0, not"):
        checked_count("lookback_days", value)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-31T08:00:00.537315125Z",
        "2026-01-31T08:00:00.537315Z",
        "2026-01-31 10:00:00.537315+02:00",
        "2026-01-31T10:00:00.537315+0200",
        "2026-01-31 10:00:00.537315+02",
    ],
)
def test_a_moment_is_read_as_any_dbt_writes_it(written: str) -> None:
    assert checked_moment("since", written) == datetime(2026, 1, 31, 8, 0, 0, 537315, timezone.utc)


@pytest.mark.parametrize("value", [None, "", "yesterday", 5, "2026-99-01T00:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_what_is_no_moment_is_refused(value: Any) -> None:
    with pytest.raises(DotUsageError, match="since must be a moment such as"):
        checked_moment("since", value)


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


@pytest.mark.parametrize("text", ["\0", "\x1b\n", "\u200b", " \u2060\t"])
def test_a_text_of_which_nothing_is_seen_is_empty(text: str) -> None:
    for check in (checked_text, checked_line):
        with pytest.raises(DotUsageError, match="empty"):
            check("question", text)


def test_an_email_address_has_at_most_254_characters() -> None:
    assert checked_email("a" * 241 + "@shop.example")
    with pytest.raises(DotUsageError, match="email"):
        checked_email("a" * 242 + "@shop.example")
