"""Any bytes end in a value or in an error of ours."""

# ruff: noqa: E501 - the tables of inputs

from __future__ import annotations

import contextlib
import json
import pickle
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dot_provider.api._core.decode import read_response
from dot_provider.api._core.messages import Response
from dot_provider.api.errors import DotError
from dot_provider.dbt.artifacts import artifact_kind
from tests.api.samples import call
from tests.readers.inventory import DOCUMENTS, MANIFEST, READERS, read_project, read_run

ARTIFACTS = Path(__file__).parents[2].parent / "shared" / "dbt-artifacts"

DEEP = [b"[" * n + b"]" * n for n in (90, 500, 20_000)] + [b"[" * 20_000, b'{"a":' * 20_000]
HOSTILE = [
    b"", b"\xff\xfe\x00", b"null", b"7", b'"text"', b"NaN", b"-", b"1e999", b"9" * 5000, b"[" + b"9" * 400 + b"]",
    b"{}", b"- id: 2020-99-99", b'- !!int ""', b"- !!timestamp x", b"- !!bool x", b"- &a [*a]", b"a: b: c", b"- 2020-01-01",
    b"? [a]\n: b", b"- {id: x, subtype: y, view_count: -0x" + b"f" * 6000 + b"}", b"<<: 1", b"- <<: [1]",
    b"a,b\n\x00,c", b'"', b"id,subtype,view_count\n1,2," + b"9" * 5000, b"id\n\n\n", b",\n,", b"<", b"<![if x]>",
    b"<!DOCTYPE [ <x> ]>y", b"<td colspan=99999999999999999999>x", b"<ol start=\xc2\xb2><li>x</ol>", b"&#xD800;x",
    b"<ol start=" + b"9" * 5000 + b"><li>x", b"&#" + b"9" * 5000 + b";x", b"<div>" * 2000 + b"x", b"<ul><li>" * 2000,
    b"https://[", b"http://[::1", b"https://x:99999", b"https://x:" + b"9" * 5000, b"https://\xe2\x84\x80.example",
    b"Thu, 99 Nov 2026 99:99:99 GMT", b"1e300", b"9" * 400, b"Thu, 01 Jan 99999 00:00:00 +9999", b"{{ ref('a') }}",
    *DEEP, *(b'[{"chat_id": "x", "d": ' + deep + b"}]" for deep in DEEP),
]  # fmt: skip
VALUES: list[Any] = [
    None, True, 0, -1, 10**400, 1.5, float("nan"), float("inf"), "", "x", "\x00\ud83d", "[" * 2000, "1" * 400, [], {},
    [None], [[]], [{}], {"": None}, {"nodes": 5}, {"nodes": [5, None, {}]}, ["x", 5, None, {}], {"x": 5}, {"count": 1},
]  # fmt: skip

each_reader = pytest.mark.parametrize("name", READERS)


def _read(name: str, data: bytes) -> None:
    with contextlib.suppress(DotError):
        READERS[name](data)


@each_reader
def test_hostile_bytes_end_in_a_value_or_an_error_of_ours(name: str) -> None:
    for data in HOSTILE:
        _read(name, data)


def _places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key in document if isinstance(document, dict) else range(len(document) if isinstance(document, list) else 0):
        yield from _places(document[key], (*path, key))


def _damaged(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = deepcopy(document)
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_good_document_with_one_wrong_value_anywhere_ends_so_too(name: str) -> None:
    READERS[name](json.dumps(DOCUMENTS[name]).encode())
    places = list(_places(DOCUMENTS[name]))
    for path in places:
        for value in VALUES:
            _read(name, json.dumps(_damaged(DOCUMENTS[name], path, value)).encode())


_JSON = st.recursive(
    st.sampled_from(VALUES),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "messages", "conversations", "data", "metadata", "nodes", "results", "content", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@each_reader
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode("utf-8", "replace")) | _JSON)
def test_any_bytes_end_so_too(name: str, data: Any) -> None:
    _read(name, data if isinstance(data, bytes) else json.dumps(data).encode())


@pytest.mark.parametrize("depth", [50, 900, 100_000])
def test_an_error_with_a_deep_detail_can_be_pickled(depth: int) -> None:
    body = b'{"detail": ' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(DotError) as caught:
        read_response(call(), Response(409, {}, body), 0.0)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.skipif(not ARTIFACTS.is_dir(), reason="artifacts of other projects are not here")
def test_artifacts_of_other_projects_go_through_every_reader() -> None:
    read = 0
    for path in sorted(ARTIFACTS.rglob("*.json")):
        data = path.read_bytes()
        document = json.loads(data)
        kind = artifact_kind(document) if isinstance(document, dict) else None
        reader = read_run if kind in ("run-results", "sources") else read_project
        known = (number := re.search(r"/v(\d+)", str(document.get("metadata")))) and int(number[1]) >= 4
        if known and document.get("args", {}).get("which") != "generate":
            reader(data)
            read += 1
        else:
            with pytest.raises(DotError):
                reader(data)
    assert read
    assert MANIFEST["nodes"]
