from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dot_provider.api.errors import DotProtocolError, DotUnreachableError, DotUsageError
from dot_provider.api.history import TooDeep, export_history, exported_records, read_record, stream_records
from dot_provider.history.matching import matching_chats
from dot_provider.history.source import opened

RECORDS = [{"chat_id": "a", "n": 1}, {"chat_id": "b", "x": {"y": [1.5, None, True]}}]


def read_records(source: Any) -> list[Any]:
    with opened(source) as document:
        quick = [found.value for found in stream_records(document, exact=False)]
        document.seek(0)
        exact = [found.value for found in stream_records(document)]
    assert json.dumps(quick, default=repr)[:10] == json.dumps(exact, default=repr)[:10]
    return exact


def _read(document: Any) -> list[Any]:
    return read_records(json.dumps(document).encode())


@pytest.mark.parametrize("key", ["conversations", "history", "data", "chats", "something new"])
def test_an_object_may_wrap_the_list_under_any_key(key: str) -> None:
    assert _read({"total": 2, "meta": {"a": 1}, key: RECORDS, "next": None}) == RECORDS


def test_a_bare_list_is_the_export() -> None:
    assert _read(RECORDS) == RECORDS


def test_an_object_within_an_object_may_wrap_the_list() -> None:
    assert _read({"data": {"conversations": RECORDS}}) == RECORDS


@pytest.mark.parametrize("document", [[], {"conversations": []}, {"data": {"history": []}}])
def test_an_export_may_be_empty(document: Any) -> None:
    assert _read(document) == []


@pytest.mark.parametrize("size", [1, 7, 100000])
def test_pieces_may_be_of_any_size(size: int) -> None:
    data = json.dumps({"conversations": RECORDS}).encode()
    assert (read_records(data[i : i + size] for i in range(0, len(data), size))) == RECORDS


def test_a_file_is_read_in_pieces() -> None:
    assert (read_records(io.BytesIO(json.dumps(RECORDS).encode()))) == RECORDS


@pytest.mark.parametrize("source", [RECORDS, iter(RECORDS), {"conversations": RECORDS}, {"data": {"x": RECORDS}}])
def test_parsed_records_pass_through(source: Any) -> None:
    assert (read_records(source)) == RECORDS


@pytest.mark.parametrize("source", ["[]", 5, None])
def test_what_cannot_be_read_is_refused(source: Any) -> None:
    with pytest.raises(DotUsageError, match="not from"):
        read_records(source)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html><title>502</title>",
        b'[{"chat_id": "a"}, {"chat_id": ',
        b'{"conversations": [{"chat_id": "a"}]',
        b'[{"chat_id": "a"}] {}',
        b'[{"chat_id": nan}]',
        b'[{"chat_id": "a"} {"chat_id": "b"}]',
        b'[{"chat_id": "a"},]',
        b'{"conversations": [{"chat_id": "a"}], 1: 2}',
        b"[" + b"9" * 5000 + b"]",
        b'{"chat_id": "a"} {"chat_id"',
    ],
)
def test_a_cut_or_garbled_document_is_an_error(data: bytes) -> None:
    with pytest.raises(DotProtocolError, match="cut or no JSON") as caught:
        (read_records(data))
    assert caught.value.retryable


@pytest.mark.parametrize("document", [{"detail": "no"}, {}, None, 5, "text"])
def test_a_document_without_a_list_is_an_error_that_says_what_came(document: Any) -> None:
    with pytest.raises(DotProtocolError, match="holds no list of conversations"):
        _read(document)


def test_numbers_of_any_size_are_read() -> None:
    assert read_records(b'[{"id": 123456789012345678901234567890}]') == [{"id": 123456789012345678901234567890}]


def test_a_lone_surrogate_does_not_stop_the_reader() -> None:
    read = read_records(b'["\\ud83d\\ude00", "\\ude00\\ud83d", "\\ud83d"]')
    assert read == ["😀", "\ude00\ud83d", "\ud83d"]


def test_a_number_that_is_no_json_spoils_no_other_record() -> None:
    first, second = read_records(b'[{"rating": NaN, "n": 1e999}, {"chat_id": "b"}]')
    assert (str(first["rating"]), first["n"], second) == ("nan", "1e999", {"chat_id": "b"})


@pytest.mark.parametrize("depth", [101, 5000, 100_000])
def test_a_record_that_is_nested_too_deeply_is_told_and_the_others_are_read(depth: int) -> None:
    deep = b'{"chat_id": "x", "text": "]]}\\"", "d": ' + b"[" * depth + b"]" * depth + b"}"
    records = read_records(b'[{"chat_id": "a"}, ' + deep + b', {"chat_id": "b"}]')
    assert [type(record) for record in records] == [dict, TooDeep, dict]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"users": RECORDS, "conversations": RECORDS[:1]}, None),
        ({"conversations": RECORDS[:1], "users": RECORDS}, None),
        ({"messages": RECORDS, "conversations": []}, None),
        ({"conversations": [], "data": RECORDS}, None),
        ({"conversations": RECORDS[:1], "chats": RECORDS[1:]}, None),
        ({"conversations": RECORDS[:1], "chats": [{"id": 5}]}, None),
        ({"conversations": RECORDS[:1], "data": {"conversations": RECORDS}}, None),
        ({"data": {"history": RECORDS[:1], "conversations": RECORDS[1:]}}, None),
        ({"conversations": RECORDS, "a": {"b": {"c": RECORDS}}}, None),
        ({"conversations": RECORDS, "chats": [], "data": {"history": []}}, RECORDS),
        ({"conversations": [], "chats": [], "errors": [{"code": 5}]}, []),
        ({"data": {"history": RECORDS}}, RECORDS),
        ({"items": RECORDS, "errors": []}, RECORDS),
        ({"filters": [{"a": 1}], "data": {"conversations": RECORDS}}, RECORDS),
        ({"conversations": {"messages": RECORDS}}, RECORDS),
        ({"items": [], "errors": []}, []),
        ({"users": RECORDS, "items": RECORDS}, None),
        ({"users": [{"id": "u1"}]}, None),
        ({"users": [{"id": "u1"}], "items": []}, None),
        ({"users": [{"id": "u1"}], "conversations": RECORDS}, RECORDS),
        ({"conversations": RECORDS, "users": [{"id": "u1"}]}, RECORDS),
        ({"users": [{"id": "u1"}], "found": RECORDS}, RECORDS),
        (RECORDS[0], RECORDS[:1]),
        ({"chat_id": "x", "conversations": RECORDS}, RECORDS),
        ({"conversations": RECORDS, "chat_id": "x"}, RECORDS),
        ({"a": {"b": {"c": RECORDS}}}, None),
        ({"detail": "no"}, None),
        ({}, None),
        (None, None),
        ("text", None),
    ],
)
def test_client_trigger_and_load_take_the_same_list(document: Any, found: Any) -> None:
    readers: list[Callable[[], list[Any]]] = [
        lambda: export_history("2026-01-01", "2026-01-02").read(document),
        lambda: _read(document),
        lambda: read_records(iter([json.dumps(document).encode()])),
    ]
    for read in readers:
        if found is None:
            with pytest.raises(DotProtocolError, match=r"holds (no|several) list"):
                read()
        else:
            assert read() == found
    if found is None:
        with pytest.raises(DotProtocolError, match=r"holds (no|several) list"):
            matching_chats(json.dumps(document).encode())
    else:
        assert matching_chats(json.dumps(document).encode()) == [record["chat_id"] for record in found]


@pytest.mark.parametrize(
    "told",
    [
        {"truncated": True},
        {"has_more": True},
        {"hasMore": "true"},
        {"next": "https://app.getdot.ai/api/export_history?page=2"},
        {"next_cursor": "abc"},
        {"nextPageToken": "abc"},
        {"next_page": 2},
        {"page": 1, "pages": 3},
        {"totalPages": "2"},
        {"error": "timeout after 1 conversations"},
        {"meta": {"pagination": {"has_next": True}}},
    ],
)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("wrapped", [lambda found: found, lambda found: {"data": found}])
def test_an_export_that_says_it_is_not_whole_is_refused(told: dict[str, Any], first: bool, wrapped: Any) -> None:
    listed = {"conversations": RECORDS}
    document = wrapped({**told, **listed} if first else {**listed, **told})
    for read in (exported_records, _read):
        with pytest.raises(DotProtocolError, match="not whole"):
            read(document)
    whole = {"truncated": False, "has_more": "false", "next": None, "next_cursor": "", "links": {"next": None}}
    whole |= {"page": 1, "pages": 1, "total_pages": None, "error": None}
    assert exported_records({**whole, **listed}) == _read({**whole, **listed}) == RECORDS


def test_a_conversation_may_have_fields_that_are_called_so() -> None:
    record = {"chat_id": "a", "next": "b", "truncated": True}
    for document in (record, [record], {"conversations": [record]}):
        assert exported_records(document) == _read(document) == [record]


def test_a_list_that_comes_twice_is_read_twice() -> None:
    assert read_records(b'{"chats": [{"chat_id": "a"}], "chats": [{"chat_id": "b"}]}') == [
        {"chat_id": "a"},
        {"chat_id": "b"},
    ]


@pytest.mark.parametrize("strange", [5, "text", None, []])
def test_the_client_refuses_entries_that_are_no_objects(strange: Any) -> None:
    with pytest.raises(DotProtocolError, match="1 of the 3 entries"):
        exported_records([*RECORDS, strange])


def test_a_byte_order_mark_is_skipped() -> None:
    assert (read_records(b'\xef\xbb\xbf[{"chat_id": "a"}]')) == [{"chat_id": "a"}]


def test_an_error_of_the_connection_passes_through() -> None:
    def broken() -> Iterator[bytes]:
        yield b'[{"chat_id": "a"},'
        raise DotUnreachableError("gone", sent=True)

    with pytest.raises(DotUnreachableError):
        (read_records(broken()))


@pytest.mark.parametrize("lines", [RECORDS, [{"id": "a", "messages": []}, {"id": "b"}]])
def test_json_lines_are_read(lines: list[Any]) -> None:
    assert read_records("\n".join(json.dumps(line) for line in lines).encode() + b"\n") == lines


def test_a_byte_that_is_no_utf_8_spoils_its_own_text_alone() -> None:
    first, second = read_records(b'[{"chat_id": "a", "title": "x\xffy"}, {"chat_id": "b"}]')
    assert (first["chat_id"], first["title"][0], second) == ("a", "x", {"chat_id": "b"})


@pytest.mark.parametrize("text", ['{"a":1.10,"b":1e400,"c":100000000000000000000.50}', '{"é":"\\u05d0"}', "{}"])
def test_the_json_of_a_record_is_what_dot_sent(text: str) -> None:
    assert read_record(text.encode()).json() == text


def test_the_json_of_a_record_comes_without_its_messages() -> None:
    record = read_record(b'{"id": 1.0, "messages" : [ {"a": 2.50}, 3 ], "x": [ 1 ]}')
    assert record.json("messages") == '{"id":1.0,"x":[ 1 ]}'
    assert record.json() == '{"id":1.0,"messages":[{"a": 2.50},3],"x":[ 1 ]}'


@pytest.mark.parametrize(
    ("start", "name", "end"), [("{", '"k%d": 1, ', ""), ('{"data": {', '"k%d": [], ', '"x": 1}, ')]
)
def test_many_names_before_the_list_are_stepped_over(start: str, name: str, end: str) -> None:
    names = "".join(name % place for place in range(20_000))
    assert read_records(f'{start}{names}{end}"conversations": [{{"chat_id": "a"}}]}}'.encode()) == [{"chat_id": "a"}]
