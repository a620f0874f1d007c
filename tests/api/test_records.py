"""Records are read tolerantly; both reports of a batch end it in the same way where some items failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.errors import DotError, DotPartialError, DotProtocolError, DotServerError, DotUsageError
from dot_provider.api.manage_users import UserChange, UserReport
from dot_provider.api.push import PushedAsset, PushReport
from dot_provider.api.records import count_of, list_of, record_of, records_in, storable, text_of

Report = Callable[..., "PushReport | UserReport"]

FOREVER = DotUsageError("no subtype")
FOR_NOW = DotServerError("away", status=503)


def _assets(*results: DotError | None) -> PushReport:
    return PushReport([PushedAsset.of(f"a{n}", "sent", result) for n, result in enumerate(results)])


def _users(*results: DotError | None) -> UserReport:
    changes = [UserChange(f"a{n}@shop.example", "set role", "admin") for n in range(len(results))]
    done = [change.failed(r) if r else change.done() for change, r in zip(changes, results, strict=True)]
    return UserReport(done, dry_run=False)


both = pytest.mark.parametrize("report", [_assets, _users])


@both
def test_a_complete_report_passes(report: Report) -> None:
    done: Any = report(None, None)
    assert done.require_complete() is done


@both
@pytest.mark.parametrize(("failures", "retryable"), [([FOREVER], False), ([FOR_NOW], True), ([FOREVER, FOR_NOW], True)])
def test_a_partial_report_is_retryable_where_a_failure_can_pass(
    report: Report, failures: list[DotError], retryable: bool
) -> None:
    partial = report(None, *failures)
    with pytest.raises(DotPartialError) as caught:
        partial.require_complete()
    assert caught.value.retryable is retryable
    assert caught.value.report == partial.items


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (_assets, "2 of 3 external assets failed, the rest was sent. a1: no subtype; a2: away"),
        (
            _users,
            "2 of 3 changes of users failed, the others were made. set role a1@shop.example: no subtype; "
            "set role a2@shop.example: away",
        ),
    ],
)
def test_the_message_counts_and_names_what_failed(report: Report, message: str) -> None:
    with pytest.raises(DotPartialError) as caught:
        report(None, FOREVER, FOR_NOW).require_complete()
    assert str(caught.value) == message


@both
def test_the_first_ten_failures_are_named(report: Report) -> None:
    with pytest.raises(DotPartialError, match=r"^12 of 12 .*a9.*; and 2 more$") as caught:
        report(*[FOREVER] * 12).require_complete()
    assert "a10" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"id": "a"}, "a"),
        ({"id": None, "name": "b"}, "b"),
        ({"id": "", "name": 7}, "7"),
        ({"id": {"deep": 1}, "name": ["x"]}, ""),
        ({"id": 0}, "0"),
        ({}, ""),
    ],
)
def test_the_first_field_that_holds_something_is_taken_as_text(record: dict[str, Any], text: str) -> None:
    assert text_of(record, "id", "name") == text


@pytest.mark.parametrize("value", [None, 7, "text", True])
def test_a_part_of_the_wrong_kind_is_an_empty_one(value: Any) -> None:
    record = {"part": value}
    assert record_of(record, "part") == {}
    assert list_of(record, "part", "missing") == []
    assert [count_of({"part": one}, "part") for one in ("seven", True, 7.5, None, "9" * 99)] == [0] * 5
    assert [count_of({"part": one}, "part") for one in ("7", 7.0, "7.0", 7)] == [7] * 4
    assert (record_of({"p": {"a": 1}}, "p"), list_of({"a": 1, "p": [1]}, "a", "p"), count_of({"p": 7}, "p")) == (
        {"a": 1},
        [1],
        7,
    )


@pytest.mark.parametrize(
    ("document", "records"),
    [
        ([{"id": 1}, "noise", None, {"id": 2}], [{"id": 1}, {"id": 2}]),
        ({"items": [{"id": 1}], "others": []}, [{"id": 1}]),
        ({"data": [{"id": 1}], "total": 1}, [{"id": 1}]),
        ([], []),
        ({}, []),
    ],
)
def test_a_list_is_found_bare_named_or_as_the_only_one(document: Any, records: list[Any]) -> None:
    assert records_in(document, "items") == records


@pytest.mark.parametrize("cut", [{"has_more": True}, {"next_cursor": "x"}, {"total": 2}, {"pages": 3}])
def test_a_list_that_is_not_whole_is_refused(cut: dict[str, Any]) -> None:
    with pytest.raises(DotProtocolError, match="not whole"):
        records_in({"items": [{"id": 1}], **cut}, "items")


@pytest.mark.parametrize("document", [None, "", 7, "text", {"detail": "no"}, {"a": [], "b": []}])
def test_a_document_without_a_list_is_refused(document: Any) -> None:
    """An empty body is no empty list: it would pass for "there is nothing"."""
    with pytest.raises(ValueError, match="no list"):
        records_in(document, "items")


@given(JSON)
def test_what_is_storable_has_utf_8_and_what_had_it_before_is_unchanged(value: Any) -> None:
    clean = storable(value)
    text = json.dumps(clean, ensure_ascii=False)
    text.encode()
    assert storable(clean) == clean
    before = json.dumps(value, ensure_ascii=False)
    if "\\u0000" not in before and not any(0xD800 <= ord(c) < 0xE000 for c in before):
        assert clean == value


def test_nul_and_lone_surrogates_become_the_replacement_character_and_emoji_stay() -> None:
    assert storable({"a\x00": ["b\ud83d", ("😀", 1)]}) == {"a�": ["b�", ["😀", 1]]}
