"""What the sandbox was sent, kept without secrets."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.types import Scope

REDACTED = "***"
_KEPT = 10_000
_DEEPEST = 100
_SECRET_HEADERS = frozenset({"x-api-key", "api-key", "authorization", "cookie"})
_SECRET_FIELDS = frozenset({"api_token", "password", "token", "access_token"})
_SECRET_PART = re.compile(r"((?:api_token|password|access_token|token)=)[^&\s]+")


@dataclass
class RecordedRequest:
    """One request as the sandbox received it; tokens and passwords are replaced by ``***``.

    Attributes:
        method: upper case.
        path: without the query, for example ``/api/auth/me``.
        query: the query parameters; of a repeated one the last value.
        headers: names in lower case.
        json: the body, parsed as JSON or as a form; None when there was none.
        status: the status that was sent; None while running, and when no response was sent.
        time: when it arrived, seconds since 1970.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    json: Any
    status: int | None
    time: float


class Recorder:
    """The last 10,000 requests, oldest first, in the order of their arrival."""

    def __init__(self) -> None:
        self.total = 0  # also those no longer kept
        self._kept: deque[RecordedRequest] = deque(maxlen=_KEPT)

    @property
    def requests(self) -> list[RecordedRequest]:
        """A copy, safe to read from any thread."""
        return list(self._kept)

    def arrived(self, scope: Scope, body: bytes) -> RecordedRequest:
        """Record a request by its ASGI scope and body; whoever answers it sets its status."""
        request = Request(scope)
        self.total += 1
        recorded = RecordedRequest(
            method=request.method,
            path=scope["path"],
            query=_without_secrets(dict(request.query_params)),
            headers={name: _header(name, value) for name, value in request.headers.items()},
            json=_parsed(request.headers.get("content-type", ""), body),
            status=None,
            time=time.time(),
        )
        self._kept.append(recorded)
        return recorded


def _header(name: str, value: str) -> str:
    if name in _SECRET_HEADERS:
        return REDACTED
    return _SECRET_PART.sub(rf"\g<1>{REDACTED}", value)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: REDACTED if key in _SECRET_FIELDS and isinstance(item, str) else _without_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value


def _parsed(content_type: str, body: bytes) -> Any:
    if not body:
        return None
    if content_type.startswith("application/x-www-form-urlencoded"):
        return _without_secrets(dict(parse_qsl(body.decode("utf-8", "replace"))))
    try:
        return _without_secrets(parsed_json(body))
    except ValueError:
        return None


def parsed_json(body: bytes) -> Any:
    """Parse what can be kept and shown again.

    Raises:
        json.JSONDecodeError: it is no JSON.
        ValueError: it holds half a character, a number that is not finite, or hundreds of levels.
    """
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        deep = _depth(value) > _DEEPEST
    except RecursionError:
        deep = True
    if deep:
        raise ValueError("too deep")
    return value


def _depth(item: Any) -> int:
    inside = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return 1 + max(map(_depth, inside), default=0)
