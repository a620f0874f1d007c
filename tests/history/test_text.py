from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from dot_provider.history.text import to_json


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
