"""What the sandbox was told to do wrong next."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dot_provider.sandbox.settings import Seconds

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~\xa0-\xff]*")


class Fault(BaseModel):
    """One way to misbehave towards one request.

    Args:
        path_prefix: only paths that start so, with or without ``/api``; None means every path.
        method: only this method; None means every method.
        status: the status to answer with; without it, and without a body, the real response is used.
        detail: what Dot would say, sent as ``{"detail": ...}``.
        body: the body instead of ``detail``: bytes and text are sent as they are, other values as JSON.
        content_type: the Content-Type of that body.
        headers: further headers.
        retry_after: the value of a ``Retry-After`` header, sent as given.
        latency: seconds to wait before the response.
        effect: carry the request out before its response is replaced or lost.
        lose: ``reset`` closes the connection without a response, ``hang`` never answers.
        truncate: close halfway through the promised length.

    Raises:
        ValueError: for what cannot be sent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path_prefix: str | None = None
    method: str | None = None
    status: int | None = Field(default=None, ge=200, le=599)
    detail: Any = None
    body: bytes | str | dict[str, Any] | list[Any] | None = Field(default=None, repr=False)
    content_type: str | None = None
    headers: dict[str, str] | None = None
    retry_after: str | int | float | None = None
    latency: Seconds = 0.0
    effect: bool = False
    lose: Literal["reset", "hang"] | None = None
    truncate: bool = False

    @model_validator(mode="after")
    def _headers_can_be_sent(self) -> Fault:
        for name, value in [*self.extra_headers(), ("content-type", self.content_type or "")]:
            if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
                raise ValueError(f"{name!r}: {value!r} cannot be sent as a header: Latin-1 text in one line can.")
            if name.lower() in ("content-length", "transfer-encoding"):
                raise ValueError(f"{name!r} is the server's own to send: truncate says that the body is cut.")
        return self

    @property
    def replaces(self) -> bool:
        """Whether the fault brings its own response, so that the real one is not needed."""
        return any(item is not None for item in (self.status, self.detail, self.body))

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is one that this fault waits for."""
        prefix = self.path_prefix
        is_method = self.method is None or self.method.upper() == method
        return is_method and (prefix is None or path.startswith((prefix, f"/api{prefix}")))

    def response(self) -> Response:
        """Return the fault's own response, without the headers that are added to any."""
        kind, content = "application/json", self.body
        if isinstance(content, str):
            kind = "text/html; charset=utf-8" if content.lstrip().startswith("<") else kind
        elif not isinstance(content, bytes):
            detail = self.detail if self.detail is not None else f"Sandbox fault {self.status}"
            content = json.dumps({"detail": detail} if content is None else content)
        response = Response(content, self.status or 200)
        response.headers["content-type"] = self.content_type or kind
        return response

    def extra_headers(self) -> list[tuple[str, str]]:
        """Return the headers that are added to any response."""
        retry_after = [] if self.retry_after is None else [("retry-after", str(self.retry_after))]
        return [*(self.headers or {}).items(), *retry_after]


class FaultQueue:
    """Faults in the order they were asked for; each is used up by the first request it concerns."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault, times: int = 1) -> None:
        """Let the next ``times`` requests that it concerns meet this fault."""
        self.waiting += [fault] * times

    def clear(self) -> None:
        """Behave well again."""
        self.waiting = []

    def take(self, method: str, path: str) -> Fault | None:
        """Return and use up the first fault that concerns a request."""
        fault = next((one for one in self.waiting if one.concerns(method, path)), None)
        if fault is not None:
            self.waiting.remove(fault)
        return fault
