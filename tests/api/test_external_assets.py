from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.errors import DotUsageError
from dot_provider.api.external_assets import ExternalAsset, StoredAsset, external_assets

WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
ASSETS = st.builds(
    ExternalAsset,
    id=WORDS,
    subtype=WORDS,
    folder=WORDS,
    name=WORDS,
    description=WORDS,
    url=st.just("") | WORDS.map("https://dot.example.com/{}".format),
    active=st.booleans(),
    view_count=st.integers(0, 10**9),
    last_accessed_at=st.none() | st.dates().map(date.isoformat) | st.datetimes().map(datetime.isoformat),
    dot_description=st.none() | st.text(min_size=1),
)


def test_an_asset_needs_only_id_and_subtype() -> None:
    assert ExternalAsset("7", "looker_dashboard").to_record() == {
        "id": "7",
        "subtype": "looker_dashboard",
        "folder": "",
        "name": "",
        "description": "",
        "url": "",
        "active": True,
        "view_count": 0,
    }


@given(ASSETS)
def test_an_asset_survives_the_way_through_a_record(asset: ExternalAsset) -> None:
    assert ExternalAsset.from_record(asset.to_record()) == asset
    assert ExternalAsset.from_record(asset) is asset
    assert asset.is_same_as(asset.to_record())


@given(ASSETS)
def test_an_asset_survives_the_way_through_csv(asset: ExternalAsset) -> None:
    """CSV knows only text, and leaves absent cells empty."""
    row = {name: "" if value is None else str(value) for name, value in asset.to_record().items()}
    assert ExternalAsset.from_record({"last_accessed_at": "", **row}) == asset


@pytest.mark.parametrize(
    ("cell", "value", "read"),
    [
        ("id", 7, "7"),
        ("view_count", " 12 ", 12),
        ("view_count", 12.0, 12),
        ("view_count", float("nan"), 0),
        ("folder", float("nan"), ""),
        ("folder", None, ""),
        ("active", "YES", True),
        ("active", "0", False),
        ("last_accessed_at", date(2026, 11, 22), "2026-11-22"),
        ("last_accessed_at", datetime(2026, 11, 22, 1, tzinfo=timezone.utc), "2026-11-22T01:00:00+00:00"),
    ],
)
def test_cells_of_files_and_data_frames_are_read_as_what_they_say(cell: str, value: Any, read: Any) -> None:
    row = {"id": "a", "subtype": "x", cell: value}
    assert getattr(ExternalAsset.from_record(row), cell) == read


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "a"}, "Asset row 3: subtype is missing"),
        ({"subtype": "x"}, "Asset row 3: id is missing"),
        ({"id": float("nan"), "subtype": "x"}, "Asset row 3: id is missing"),
        ({"id": "a", "subtype": "x", "titel": "t"}, "Asset row 3: unknown field 'titel'; an asset has id, subtype"),
        ({"id": "a", "subtype": "x", 7: "t"}, "unknown field '7'"),
        ("a", "Asset row 3: an asset must be a mapping of fields, not str"),
        (None, "not NoneType"),
        ({"id": " ", "subtype": "x"}, ": id "),
        ({"id": ["a"], "subtype": "x"}, ": id "),
        ({"id": True, "subtype": "x"}, ": id "),
        ({"id": "a\nINFO forged", "subtype": "x"}, "control character"),
        ({"id": "a", "subtype": "x\x00"}, "External asset 'a': subtype .* control character"),
        ({"id": "a", "subtype": "x", "url": 7}, "url must be text, not int"),
        ({"id": "a", "subtype": "x", "url": "javascript:alert(1)"}, "url must begin with https:// or http://"),
        ({"id": "a", "subtype": "x", "url": "dot.example.com"}, "url must begin"),
        ({"id": "a", "subtype": "x", "last_accessed_at": "yesterday"}, "last_accessed_at 'yesterday' is not a day"),
        ({"id": "a", "subtype": "x", "last_accessed_at": "2026-02-30T08:00:00Z"}, "last_accessed_at must be a moment"),
        ({"id": "a", "subtype": "x", "active": "maybe"}, "active must be true or false, not 'maybe'"),
        ({"id": "a", "subtype": "x", "view_count": "many"}, "view_count must be a whole number"),
        ({"id": "a", "subtype": "x", "view_count": -1}, "view_count must be a whole number"),
        ({"id": "a", "subtype": "x", "view_count": 1.5}, "view_count must be a whole number"),
        ({"id": "a", "subtype": "x", "view_count": True}, "view_count must be a whole number"),
        ({"id": "a", "subtype": "x", "dot_description": ["x"]}, "dot_description must be text, not list"),
    ],
)
def test_a_wrong_row_is_refused_with_row_and_field(row: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        ExternalAsset.from_record(row, position=2)


@given(st.dictionaries(st.sampled_from(["id", "subtype", "active", "view_count", "url", "x"]), st.from_type(object)))
def test_no_row_breaks_the_reading(row: dict[str, Any]) -> None:
    try:
        asset = ExternalAsset.from_record(row)
    except DotUsageError:
        return
    assert asset.to_record()["id"]


@pytest.mark.parametrize(
    ("stored", "same"),
    [
        ({"id": "a", "subtype": "x", "name": "n", "newer": 1}, True),
        ({"id": "a", "subtype": "x", "name": "other"}, False),
        ({"id": "a", "subtype": "x"}, False),
    ],
)
def test_an_asset_is_the_same_where_dot_says_all_that_it_says(stored: dict[str, Any], same: bool) -> None:
    defaults = {"folder": "", "description": "", "url": "", "active": True, "view_count": 0}
    assert ExternalAsset("a", "x", name="n").is_same_as({**defaults, **stored}) is same


def test_two_rows_with_one_id_are_refused_before_the_second_is_given_out() -> None:
    rows = external_assets(iter([{"id": 1, "subtype": "x"}, {"id": 2, "subtype": "x"}, {"id": "1", "subtype": "y"}]))
    given_out = [next(iter(rows)), next(iter(rows))]
    assert [asset.id for asset in given_out] == ["1", "2"]
    with pytest.raises(DotUsageError, match="Asset row 3: id '1' was already used"):
        next(iter(rows))


def test_a_stored_asset_is_read_tolerantly_and_hidden_with_all_that_dot_knows() -> None:
    raw = {"asset_id": 7, "subtype": "x", "folder": None, "view_count": 9, "name": "n", "embedding": [0.1]}
    stored = StoredAsset.from_record(raw)
    assert (stored.id, stored.subtype, stored.folder, stored.active, stored.raw) == ("7", "x", "", True, raw)
    assert stored.hidden() == ExternalAsset("7", "x", name="n", view_count=9, active=False)
    assert not StoredAsset.from_record({"id": "7", "active": False}).active
