from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.history.text import repair_escapes, to_json


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[place : place + size] for place in range(0, len(data), size)]


@pytest.mark.parametrize("text", ["plain", "emoji 😀👩‍👩‍👧", "שלום", "\ufeffbom", "\x01", "\\u0000", "\\ud83d"])
def test_text_that_databases_store_passes_unchanged(text: str) -> None:
    assert to_json({"a": text}) == (json.dumps({"a": text}, ensure_ascii=False, separators=(",", ":")), 0)


@pytest.mark.parametrize(
    ("value", "cleaned", "count"),
    [
        ("a\x00b\x00", "a\ufffdb\ufffd", 2),
        ("\ud83d", "\ufffd", 1),
        (["x", {"k\x00": "\udfff"}], ["x", {"k\ufffd": "\ufffd"}], 2),
    ],
)
def test_nul_and_lone_surrogates_are_replaced_and_counted(value: Any, cleaned: Any, count: int) -> None:
    text, replaced = to_json(value)
    assert (json.loads(text), replaced) == (cleaned, count)


def test_numbers_that_json_does_not_know_become_text() -> None:
    assert to_json([float("nan"), float("inf"), Decimal("1.5"), Decimal("1e999")])[0] == '["nan","inf",1.5,"1E+999"]'


@given(text=st.text(st.characters(blacklist_categories=())), ascii_only=st.booleans(), size=st.integers(1, 40))
def test_repaired_documents_keep_all_but_lone_surrogates(text: str, ascii_only: bool, size: int) -> None:
    """Whatever the text and wherever the chunks are cut."""
    document = json.dumps([text], ensure_ascii=True)
    repaired = b"".join(repair_escapes(_pieces(document.encode(), size)))
    expected = json.loads(document)[0].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert json.loads(repaired)[0].replace("\x00", "\ufffd") == expected.replace("\x00", "\ufffd")


@given(parts=st.lists(st.sampled_from(["\\\\", "\\ud83d", "\\ude00", "\\n", "x", '\\"', "\\u0041"]), max_size=30))
def test_escapes_are_told_apart_from_escaped_backslashes(parts: list[str]) -> None:
    document = '"' + "".join(parts) + '"'
    whole = b"".join(repair_escapes([document.encode()]))
    for size in (1, 2, 5, 6, 7, 11, 13):
        assert b"".join(repair_escapes(_pieces(document.encode(), size))) == whole
    json.loads(whole).encode()
