"""No request makes the sandbox fail, unless it was told to: 500 means a fault that somebody asked for."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.app import build_app

_LONE = "Umsatz \ud800?"
_SCHEMA: dict[str, Any] = build_app(Sandbox().workspace).openapi()
_OPERATIONS = [(method.upper(), path) for path, item in _SCHEMA["paths"].items() for method in item]
_FIELDS = sorted({name for model in _SCHEMA["components"]["schemas"].values() for name in model.get("properties", ())})
_PARAMETERS = sorted(
    {p["name"] for item in _SCHEMA["paths"].values() for o in item.values() for p in o.get("parameters", ())}
)

_TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [_LONE, "9999-12-31", "0001-01-01", "chat", "chat\r\nX: y", "\x00", "open", "resolved", "Ω", "[fail]", "admin",
         "admin@sandbox.example", "reset", "hang", "close", "0", "-1", "1e400", "nan", "how many orders by month?"]
    ),
)  # fmt: skip
_NUMBERS = st.one_of(st.integers(), st.sampled_from([10**400, 0, -1, 404]), st.floats())
_PLAIN = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS)
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(st.sampled_from(_FIELDS), _TEXTS), inner, max_size=4)
    ),
    max_leaves=8,
)
_MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _VALUES})


def _value_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return what the schema allows, mostly, and else anything."""
    return st.one_of(*[_allowed_by(schema)] * 9, _VALUES)


def _allowed_by(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        schema = _SCHEMA["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        required = schema.get("required", ())
        fields = {name: _value_of(part) for name, part in schema["properties"].items()}
        return st.fixed_dictionaries(
            {name: part for name, part in fields.items() if name in required},
            optional={name: part for name, part in fields.items() if name not in required},
        )
    if "anyOf" in schema:
        return st.one_of(*map(_value_of, schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = {
        "string": _TEXTS,
        "number": _NUMBERS,
        "integer": st.integers(),
        "boolean": st.booleans(),
        "array": st.lists(_value_of(schema["items"]), min_size=1, max_size=3) if schema.get("items") else _VALUES,
        "object": st.one_of(_MESSAGE, st.dictionaries(_TEXTS, _VALUES, max_size=3)),
    }
    return kinds.get(schema.get("type", ""), _VALUES)


@st.composite
def _requests(draw: st.DrawFn) -> tuple[str, str, dict[str, str], bytes]:
    method, path = draw(st.sampled_from(_OPERATIONS))
    described = _SCHEMA["paths"][path][method.lower()]
    text = st.one_of(_TEXTS.map(lambda value: value.encode("utf-8", "surrogatepass")), st.binary(max_size=6))
    path = re.sub(r"\{\w+\}", lambda _: quote_from_bytes(draw(text), safe=""), path)
    query = draw(st.dictionaries(st.sampled_from(_PARAMETERS), text, max_size=3))
    headers = {"X-API-KEY": "dot-sandbox-token"}
    headers |= draw(st.dictionaries(st.just("Host"), st.sampled_from(["[", "a:b", "[::1", "\xff", ""])))
    headers |= draw(
        st.dictionaries(st.sampled_from(["X-Response-Format", "X-Dot-Environment"]), st.sampled_from(["cli", "\xff"]))
    )
    body = b""
    for kind, content in described.get("requestBody", {}).get("content", {}).items():
        headers["Content-Type"] = kind
        value = draw(_value_of(content["schema"]))
        if kind == "application/json":
            body = json.dumps(value).encode()
        else:
            body = urlencode(value if isinstance(value, dict) else {}, errors="surrogatepass").encode()
        body = draw(st.sampled_from([body] * 20 + [b"[" * 100_000, body[:-1], b"\xff" + body]))
    return method, f"{path}?{urlencode(query)}", headers, body


class _Visitor:
    """Sends requests as they are, over one connection."""

    def __init__(self, dot: Sandbox) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", dot.port, timeout=20)

    def send(self, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
        self._connection.request(method, target, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()


@pytest.fixture(scope="module")
def dot() -> Iterator[Sandbox]:
    with Sandbox(history=20, hold_requests=False) as dot:
        yield dot


def _json(value: str) -> tuple[dict[str, str], bytes]:
    return {"X-API-KEY": "dot-sandbox-token", "Content-Type": "application/json"}, value.encode()


@settings(max_examples=250)
@given(request_=_requests())
@example(
    request_=("POST", "/api/agentic", *_json('{"messages": [{"role": "user", "content": "\\ud800"}], "chat_id": "a"}'))
)
@example(
    request_=("POST", "/api/agentic", *_json('{"messages": [{"role": "user", "content": "a"}], "chat_id": "\\ud800"}'))
)
@example(request_=("POST", "/api/add_label_to_chat", *_json('{"chat_id": "a", "labels": ["\\udfff"]}')))
@example(
    request_=(
        "POST",
        "/api/import_and_overwrite_external_asset",
        *_json('{"external_asset": {"id": "a", "subtype": "b", "view_count": 1e400}}'),
    )
)
@example(request_=("GET", "/api/export_history?end_date=9999-12-31", *_json("")))
@example(request_=("GET", "/api/export_history?start_date=0001-01-01", *_json("")))
@example(request_=("GET", "/sandbox/requests?limit=0", *_json("")))
@example(request_=("GET", "/sandbox/requests?limit=-1", *_json("")))
@example(request_=("POST", "/sandbox/faults", *_json('{"latency": NaN}')))
@example(request_=("POST", "/sandbox/faults", *_json('{"headers": {"X-A": "Ω"}}')))
@example(request_=("POST", "/sandbox/faults", *_json('{"headers": {"X-A": "b\\r\\nX-C: d"}}')))
@example(request_=("POST", "/sandbox/faults", *_json('{"retry_after": "Ω", "content_type": "Ω"}')))
def test_no_request_is_answered_by_500_and_the_pages_stay_readable(dot: Sandbox, request_: Any) -> None:
    dot.workspace.faults.clear()
    visitor = _Visitor(dot)
    status, _ = visitor.send(*request_)
    assert status != 500
    waiting = len(dot.workspace.faults.waiting)
    for target in ("/", "/sandbox/state", "/sandbox/requests?limit=20", "/sandbox/faults", "/api/external_assets"):
        dot.workspace.faults.clear()
        shown, content = visitor.send("GET", target, {"X-API-KEY": "dot-sandbox-token"})
        assert shown == 200, (target, waiting)
        if target != "/":
            json.loads(content, parse_constant=pytest.fail)
