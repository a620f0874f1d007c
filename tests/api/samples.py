"""Calls and responses for tests of the pure core."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api._core.messages import Request, Response

TOKEN = "tok_S3cret-canary+/=1"
"""A token with characters that URLs, JSON and HTML write in another way."""


def call(**fields: Any) -> Call[Any]:
    """Return a call named "list things", whose result is what it read."""
    return Call(**{"name": "list things", "method": "GET", "path": "/api/things", "read": lambda d: d, **fields})


def response(status: int = 200, body: Any = b"{}", headers: Mapping[str, str] | None = None) -> Response:
    """Return a response; a body that is not bytes is written as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, content)


def request(**fields: Any) -> Request:
    """Return a request of at most 1 MiB."""
    given = {"timeout": 5.0, "max_body_bytes": 1 << 20, **fields}
    return Request("list things", "GET", "http://localhost/api/things", {}, None, **given)
