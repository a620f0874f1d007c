"""How one call reaches Dot and comes back: credentials, attempts, waits. The same generator for both transports."""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from dot_provider.api.call import Call, Pause, T
from dot_provider.api.calls.identity import password_login
from dot_provider.api.decode import read_response
from dot_provider.api.errors import DotAuthError, DotError, DotUsageError
from dot_provider.api.retry import Attempts, RetryBudget, explain_retry_after, wait_before_retry
from dot_provider.api.server import ApiToken, PasswordLogin, Server, UrlToken
from dot_provider.api.wire import Request, Response

Delivery = Generator[Request | Pause, Any, T]
"""Yields requests (answered with a ``Response``) and pauses (answered with the time), and returns the call's result."""


class Session:
    """What a client remembers between calls: the server, the retry budget, and the bearer of a password login."""

    def __init__(self, server: Server, budget: RetryBudget | None = None) -> None:
        self.server = server
        self.budget = budget or RetryBudget()
        self.bearer: str | None = None

    def scoped(self, environment: str | None) -> Session:
        """Return a session for another Dot environment that shares budget and login."""
        other = Session(replace(self.server, environment=environment), self.budget)
        other.bearer = self.bearer
        return other


def deliver(session: Session, call: Call[T]) -> Delivery[T]:
    """Send ``call``, trying again while that is safe and helps, and return what it reads from the response.

    Raises:
        DotError: whatever ended it.
    """
    if not (call.auth and isinstance(session.server.credentials, PasswordLogin)):
        return (yield from _attempts(session, call))
    if session.bearer is None:
        yield from _log_in(session)
    try:
        return (yield from _attempts(session, call))
    except DotAuthError:
        yield from _log_in(session)  # the login has expired
        return (yield from _attempts(session, call))


def _log_in(session: Session) -> Delivery[None]:
    credentials = session.server.credentials
    assert isinstance(credentials, PasswordLogin)
    session.bearer = yield from _attempts(session, password_login(credentials.username, credentials.password))


def _attempts(session: Session, call: Call[T]) -> Delivery[T]:
    now: float = yield Pause(0)
    attempts = Attempts(0, now + session.server.retry_for)
    request = build_request(session, call)
    while True:
        attempts = replace(attempts, made=attempts.made + 1)
        try:
            response: Response = yield request
            now = yield Pause(0)
            result: T = read_response(call, _without_secrets(session, response), now)
        except DotError as error:
            now = yield Pause(0)
            wait = wait_before_retry(call, error, attempts, now, random.uniform)
            if wait is None or not session.budget.take():
                raise _with_hint(error) from None
            yield Pause(wait)
        else:
            session.budget.succeeded()
            return result


def build_request(session: Session, call: Call[Any]) -> Request:
    """Return the HTTP request for ``call``.

    Raises:
        DotUsageError: the body cannot be written as JSON.
    """
    server = session.server
    query = {**call.query, **_auth_query(server, call)}
    url = call.path if "://" in call.path else server.origin + call.path
    body, content_type = _encoded_body(call)
    return Request(
        name=call.name,
        method=call.method,
        url=f"{url}{'&' if '?' in url else '?'}{urlencode(query)}" if query else url,
        headers={
            "Accept": "*/*" if call.accepts == "file" else "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": server.user_agent,
            **({"Content-Type": content_type} if content_type else {}),
            **({"X-Dot-Environment": server.environment} if server.environment else {}),
            **call.headers,
            **_auth_headers(session, call),
        },
        body=body,
        timeout=call.timeout or server.timeout,
        # A sink is a file, not memory; it is bounded all the same.
        max_body_bytes=server.max_body_bytes * (256 if call.accepts == "sink" else 1),
        sink=call.sink,
    )


def _auth_headers(session: Session, call: Call[Any]) -> Mapping[str, str]:
    credentials = session.server.credentials
    if not call.auth or (isinstance(credentials, UrlToken) and call.url_auth):
        return {}
    if isinstance(credentials, PasswordLogin):
        return {"Authorization": f"Bearer {session.bearer}"}
    return credentials.headers()


def _auth_query(server: Server, call: Call[Any]) -> Mapping[str, str]:
    if call.auth and call.url_auth and isinstance(server.credentials, UrlToken):
        return server.credentials.query()
    return {}


def _encoded_body(call: Call[Any]) -> tuple[bytes | None, str | None]:
    if call.form is not None:
        return urlencode(call.form).encode(), "application/x-www-form-urlencoded"
    if call.body is None:
        return None, None
    try:
        return json.dumps(call.body, allow_nan=False).encode(), "application/json"
    except (TypeError, ValueError, RecursionError) as exc:
        raise DotUsageError(f"{call.name}: the request cannot be written as JSON ({exc}).") from None


def _without_secrets(session: Session, response: Response) -> Response:
    """Return ``response`` without our own secret, in case a failing server or proxy echoes it."""
    if response.status < 400:
        return response
    credentials = session.server.credentials
    secret = credentials.token if isinstance(credentials, ApiToken | UrlToken) else credentials.password
    body = response.body
    for known in (secret, session.bearer):
        if known:
            body = body.replace(known.encode(), b"***")
    return replace(response, body=body)


def _with_hint(error: DotError) -> DotError:
    hint = explain_retry_after(error)
    if hint and error.args and hint not in error.args[0]:
        error.args = (error.args[0] + hint, *error.args[1:])
    return error
