"""What the sandbox was told to do wrong next."""

from __future__ import annotations

import gzip as gzip_format
import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~\xa0-\xff]*")

Lose = Literal["reset", "hang"]
Body = bytes | str | dict[str, Any] | list[Any]


@dataclass(frozen=True)
class Fault:
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
        truncate: True closes halfway through the promised length; ``"close"`` does so without naming a length.
        drip: send one byte per so many seconds.
        gzip: compress the body and say so.
    """

    path_prefix: str | None = None
    method: str | None = None
    status: int | None = None
    detail: Any = None
    body: Body | None = field(default=None, repr=False)
    content_type: str | None = None
    headers: dict[str, str] | None = None
    retry_after: str | float | None = None
    latency: float = 0.0
    effect: bool = False
    lose: Lose | None = None
    truncate: bool | Literal["close"] = False
    drip: float | None = None
    gzip: bool = False

    def __post_init__(self) -> None:
        if self.lose not in (None, "reset", "hang"):
            raise ValueError(f"lose must be 'reset' or 'hang', not {self.lose!r}.")
        if self.truncate not in (False, True, "close"):
            raise ValueError(f"truncate must be True or 'close', not {self.truncate!r}.")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"status must be between 200 and 599, not {self.status}.")
        for name, seconds in (("latency", self.latency), ("drip", self.drip or 0.0)):
            if not 0 <= seconds < math.inf:
                raise ValueError(f"{name} must be a number of seconds from 0, not {seconds}.")
        for name, value in [*self.extra_headers(), ("content-type", self.content_type or "")]:
            if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
                raise ValueError(f"{name!r}: {value!r} cannot be sent as a header: Latin-1 text in one line can.")

    @property
    def replaces(self) -> bool:
        """Whether the fault brings its own response, so that the real one is not needed."""
        return any(item is not None for item in (self.status, self.detail, self.body))

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is one that this fault waits for."""
        if self.method is not None and self.method.upper() != method:
            return False
        prefix = self.path_prefix
        return prefix is None or path.startswith((prefix, f"/api{prefix}"))

    def response(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Return status, headers and body of the fault's own response."""
        content, content_type = self._content()
        headers = [("content-type", self.content_type or content_type)]
        if self.gzip:
            content = gzip_format.compress(content, 9)
            headers.append(("content-encoding", "gzip"))
        return self.status or 200, headers + self.extra_headers(), content

    def extra_headers(self) -> list[tuple[str, str]]:
        """Return the headers that are added to any response."""
        added = list((self.headers or {}).items())
        if self.retry_after is not None:
            added.append(("retry-after", str(self.retry_after)))
        return added

    def _content(self) -> tuple[bytes, str]:
        if isinstance(self.body, bytes):
            return self.body, "application/json"
        if isinstance(self.body, str):
            kind = "text/html; charset=utf-8" if self.body.lstrip().startswith("<") else "application/json"
            return self.body.encode(), kind
        body = self.body
        if body is None:
            body = {"detail": self.detail if self.detail is not None else f"Sandbox fault {self.status}"}
        return json.dumps(body).encode(), "application/json"


class FaultQueue:
    """Faults in the order they were asked for; each is used up by the first request it concerns."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    @property
    def waiting(self) -> list[Fault]:
        """The faults not used yet."""
        return list(self._waiting)

    def add(self, fault: Fault, times: int = 1) -> None:
        """Let the next ``times`` requests that it concerns meet this fault."""
        self._waiting += [fault] * times

    def clear(self) -> None:
        """Behave well again."""
        self._waiting = []

    def take(self, method: str, path: str) -> Fault | None:
        """Return and use up the first fault that concerns a request."""
        for position, fault in enumerate(self._waiting):
            if fault.concerns(method, path):
                return self._waiting.pop(position)
        return None
