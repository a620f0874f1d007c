from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotHistoryComponent

Load = Callable[..., dg.Definitions]


def keys(defs: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for asset in defs.assets or [] for spec in getattr(asset, "specs", ())}


def test_both_keys_can_get_another_prefix(load: Load) -> None:
    assert keys(load(DotHistoryComponent, {"destination": "duckdb", "key_prefix": ["raw", "dot"]})) == {
        "raw/dot/conversations",
        "raw/dot/messages",
    }


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"start_date": "1.2.2026"}, "start_date '1.2.2026' is not a day in the form YYYY-MM-DD"),
        ({"asset": {"key": "raw/chats"}}, "asset takes no key; key_prefix moves both"),
    ],
)
def test_what_is_wrong_is_named_beside_its_file(load: Load, attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(Exception, match=r"defs\.yaml \(DotHistoryComponent\)") as raised:
        load(DotHistoryComponent, {"destination": "duckdb", **attributes})
    assert words in str(raised.value.__cause__)


@pytest.mark.parametrize(("field", "value"), [("start_date", "2026-02-30"), ("lookback_days", -1)])
def test_what_the_builder_refuses_is_told_by_its_line_and_field(load: Load, field: str, value: Any) -> None:
    with pytest.raises(Exception, match="DotHistoryComponent") as raised:
        load(DotHistoryComponent, {"destination": "duckdb", field: value})
    assert re.search(rf"defs\.yaml:\d+ - attributes\.{field}", str(raised.value.__cause__))
