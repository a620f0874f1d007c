"""Our requests against the OpenAPI document that Dot published in December 2024, for the endpoints it knows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dot_provider.api._core.call import Call
from tests.api.calls.inventory import CALLS

DOCUMENT = Path(__file__).parents[4] / "shared" / "dot-openapi-2024-12.json"
NEWER = (
    *("/api/agentic", "/api/agentic_with_history", "/api/add_label_to_chat", "/api/evaluations/", "/api/org_notes"),
    *("/api/evaluation_runs/", "/api/dbt/", "/api/quality/", "/api/environments", "/api/cli/catalog"),
)
"""Paths that Dot has added since."""

# Its three endpoints for callers without headers; the others name no credentials at all.
CREDENTIALS = {"user_id", "api_token"}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    if not DOCUMENT.is_file():
        pytest.skip("Dot's OpenAPI document of December 2024 does not lie beside the checkout")
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


def operation(described: dict[str, Any], call: Call[Any]) -> dict[str, Any] | None:
    for path, methods in described["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)), unquote(call.path)):
            found: dict[str, Any] | None = methods.get(call.method.lower())
            return found
    return None


def schema_of(described: dict[str, Any], operation: dict[str, Any], media_type: str) -> dict[str, Any]:
    return resolved(described, operation["requestBody"]["content"][media_type]["schema"])


def resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = described["components"]["schemas"][name] if name else schema
    return found


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
def test_a_request_is_what_dot_describes(described: dict[str, Any], call: Call[Any]) -> None:
    known = operation(described, call)
    if known is None:
        assert call.path.startswith(NEWER), "neither described in 2024 nor added since"
        return
    parameters = {p["name"]: p for p in known.get("parameters", []) if p["in"] == "query"}
    required = {name for name, p in parameters.items() if p.get("required")}
    assert required - CREDENTIALS <= set(call.query)
    assert set(call.query) <= {*parameters, "include_all_workspaces"}  # which Dot has added since
    assert (call.auth == "url") is (set(parameters) >= CREDENTIALS)
    sent = call.form or call.body
    if sent is None:
        assert not known.get("requestBody", {}).get("required")
    else:
        media_type = "application/x-www-form-urlencoded" if call.form else "application/json"
        hold_against(described, schema_of(described, known, media_type), dict(sent))


def hold_against(described: dict[str, Any], schema: dict[str, Any], sent: dict[str, Any]) -> None:
    known = schema["properties"]
    assert set(schema.get("required", [])) <= set(sent)
    assert set(sent) <= {*known, "org_id", "dot_description"}  # the newer documentation has these two
    for name, value in sent.items():
        part = resolved(described, known.get(name, {}))
        if "properties" in part:
            hold_against(described, part, value)
        elif "type" in part:
            kinds = {"string": str, "array": list, "object": dict, "integer": int, "boolean": bool}
            assert isinstance(value, kinds[part["type"]])


def test_no_endpoint_of_the_three_with_url_authentication_is_forgotten() -> None:
    assert {call.name.split()[0] for call in CALLS if call.auth == "url"} == {"sync", "import", "export"}
