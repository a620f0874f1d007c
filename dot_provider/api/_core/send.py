"""How one call reaches Dot and comes back: credentials, attempts, waits. The same generator for both transports."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from dot_provider._forks import Lock
from dot_provider.api._core.call import Call, Now, Pause, T
from dot_provider.api._core.decode import read_response, scrubbed
from dot_provider.api._core.login import Login, password_login
from dot_provider.api._core.messages import Request, Response
from dot_provider.api.errors import (
    DotAuthError,
    DotError,
    DotProtocolError,
    DotRateLimitedError,
    DotServerError,
    DotTimeoutError,
    DotTransientError,
    DotUnreachableError,
    DotUsageError,
)
from dot_provider.api.settings import PasswordLogin, Server, UrlToken, environment_header

_log = logging.getLogger(__name__)

Delivery = Generator[Request | Pause | Now, Any, T]
"""Yields requests (answered with a ``Response``), pauses and looks at the clock, and returns the call's result."""


class Session:
    """What a client remembers between calls: the server, the retry budget, and the bearer of a password login."""

    def __init__(self, server: Server, budget: RetryBudget | None = None, login: Login | None = None) -> None:
        self.server = server
        self.budget = budget or RetryBudget()
        self.login = login or Login()

    def scoped(self, environment: str | None) -> Session:
        """Return a session for another Dot environment that shares budget and login.

        Raises:
            DotConfigError: this is no environment's id.
        """
        if environment is not None:
            environment_header(environment)
        return Session(replace(self.server, environment=environment), self.budget, self.login)


def send_with_retries(session: Session, call: Call[T]) -> Delivery[T]:
    """Send ``call``, trying again while that is safe and helps, and return what it reads from the response.

    Raises:
        DotError: whatever ended it.
    """
    if not (call.auth != "none" and isinstance(session.server.credentials, PasswordLogin)):
        return (yield from _attempts(session, call))
    if session.login.bearer is None:
        yield from _log_in(session)
    used = session.login.issued
    try:
        return (yield from _attempts(session, call))
    except DotAuthError:
        if session.login.issued == used:  # it has expired, and no other call has renewed it meanwhile
            yield from _log_in(session)
    return (yield from _attempts(session, call))


def _log_in(session: Session) -> Delivery[None]:
    credentials = session.server.credentials
    assert isinstance(credentials, PasswordLogin)
    issued = yield from _attempts(session, password_login(credentials.username, credentials.password))
    session.login.bearer = issued.token
    session.login.issued += 1


def _attempts(session: Session, call: Call[T]) -> Delivery[T]:
    now: float = yield Now()
    attempts = Attempts(0, now + session.server.retry_for)
    request = build_request(session, call)
    while True:
        attempts = replace(attempts, made=attempts.made + 1)
        try:
            response: Response = yield request
            now = yield Now()
            response = scrubbed(call, response, session.server.credentials, session.login.bearer)
            result: T = read_response(call, response, now, session.server.credentials)
        except DotError as error:
            now = yield Now()
            wait = wait_before_retry(call, error, attempts, now, random.uniform)
            if wait is None or not session.budget.take():
                if end := explain_end(error, attempts):
                    said = str(error)
                    error.args = (said + "." * (said[-1:] not in ".!?") + end,)  # Dot's own words may lack it
                raise error from None
            _log.debug("%s Sending it again in %.1f s.", error, wait)
            yield Pause(wait)
        else:
            session.budget.succeeded()
            return result


def build_request(session: Session, call: Call[Any]) -> Request:
    """Return the HTTP request for ``call``.

    Raises:
        DotUsageError: the request cannot be written as JSON or URL.
    """
    server = session.server
    body, content_type = _encoded_body(call)
    return Request(
        name=call.name,
        method=call.method,
        url=_url(server, call),
        headers={
            "Accept": "*/*" if call.accepts in ("file", "text") else "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": server.user_agent,
            **({"Content-Type": content_type} if content_type else {}),
            # Without credentials a request may go to another host, which learns nothing of this workspace.
            **(environment_header(server.environment) if server.environment and call.auth != "none" else {}),
            **call.headers,
            **_auth_headers(session, call),
        },
        body=body,
        timeout=call.timeout or max(server.timeout, call.slow),
        # A sink is a file, not memory; it is bounded all the same.
        max_body_bytes=server.max_body_bytes * (1 if call.sink is None else 256),
        sink=call.sink,
        dot_host=urlsplit(server.origin).hostname or "" if "://" in call.path and call.auth == "none" else "",
    )


def _auth_headers(session: Session, call: Call[Any]) -> Mapping[str, str]:
    credentials = session.server.credentials
    if call.auth == "none" or (isinstance(credentials, UrlToken) and call.auth == "url"):
        return {}
    if isinstance(credentials, PasswordLogin):
        return {"Authorization": f"Bearer {session.login.bearer}"}
    return credentials.headers()


def _url(server: Server, call: Call[Any]) -> str:
    url = call.path if "://" in call.path else server.origin + call.path
    credentials = server.credentials
    in_url = credentials.query() if call.auth == "url" and isinstance(credentials, UrlToken) else {}
    query = _written(call, urlencode, {**call.query, **in_url})
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _encoded_body(call: Call[Any]) -> tuple[bytes | None, str | None]:
    if call.form is not None:
        return _written(call, urlencode, call.form).encode(), "application/x-www-form-urlencoded"
    if call.body is None:
        return None, None
    return _written(call, _as_json, call.body).encode(), "application/json"


_as_json = json.JSONEncoder(allow_nan=False).encode


def _written(call: Call[Any], write: Callable[[Any], str], value: Any) -> str:
    try:
        return write(value)
    except (TypeError, ValueError, RecursionError) as exc:
        # A character without UTF-8 is named without its surroundings, which can be a password.
        why = exc.reason if isinstance(exc, UnicodeEncodeError) else str(exc)
    del value
    raise DotUsageError(f"{call.name}: the request cannot be written as JSON or URL: {why}.")


MAX_ATTEMPTS = 6
"""Attempts of one call, the first included."""

FIRST_WAIT = 0.5
"""Upper bound of the first wait in seconds; it doubles with each attempt."""

LONGEST_WAIT = 20.0
"""Upper bound of a wait that we choose, in seconds."""

LONGEST_RETRY_AFTER = 120.0
"""The longest ``Retry-After`` that is waited for, in seconds; a longer one is an error that says so."""


class RetryBudget:
    """Keeps many calls of one client from multiplying a storm.

    A retry takes a token, a success gives a fifth of one back, so that a long outage costs at most the initial tokens
    plus one request in five. Shared by all threads of a client.
    """

    def __init__(self, tokens: float = 60, refill: float = 0.2) -> None:
        self._most = tokens
        self._tokens = tokens
        self._refill = refill
        self._lock = Lock()

    def take(self) -> bool:
        """Take a token for one retry; False where none is left."""
        with self._lock:
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def succeeded(self) -> None:
        """Give back a part of a token."""
        with self._lock:
            self._tokens = min(self._most, self._tokens + self._refill)


@dataclass(frozen=True)
class Attempts:
    """How far one call has come: the tries made, and the time (epoch seconds) after which none starts."""

    made: int
    give_up_at: float


def wait_before_retry(
    call: Call[Any],
    error: DotError,
    attempts: Attempts,
    now: float,
    jitter: Callable[[float, float], float],
) -> float | None:
    """Return the seconds to wait before ``call`` is sent again, or None where it must not or need not be.

    Exponential with full jitter, never past ``attempts.give_up_at``. Dot's ``Retry-After`` wins over our own choice,
    and because it is Dot's promise to be back, one of them may lead past that time.
    """
    if attempts.made >= MAX_ATTEMPTS or now >= attempts.give_up_at or not may_repeat(call, error):
        return None
    asked = error.retry_after if isinstance(error, DotTransientError) else None
    if asked is not None and asked > LONGEST_RETRY_AFTER:
        return None
    if asked is not None:
        return asked
    wait = jitter(0.0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts.made - 1)))
    return wait if now + wait < attempts.give_up_at else None


def may_repeat(call: Call[Any], error: DotError) -> bool:
    """Whether sending ``call`` again after ``error`` is safe and can help."""
    if isinstance(error, DotRateLimitedError):
        return True
    if isinstance(error, DotUnreachableError) and not error.sent:
        return True
    if not call.repeatable:
        return False
    if isinstance(error, DotServerError):
        return error.status in (502, 503, 504)
    return isinstance(error, DotUnreachableError | DotTimeoutError) or (
        isinstance(error, DotProtocolError) and error.retryable
    )


def explain_end(error: DotError, attempts: Attempts) -> str:
    """Return what to add to an error's message: how often it was tried, and a ``Retry-After`` too long to wait for."""
    tried = f" Tried {attempts.made} times." if attempts.made > 1 else ""
    asked = error.retry_after if isinstance(error, DotTransientError) else None
    if asked is None or asked <= LONGEST_RETRY_AFTER:
        return tried
    most = f"{LONGEST_RETRY_AFTER:.0f} s"
    return f"{tried} Dot asks to wait {asked:.0f} s, longer than the {most} that a call waits: run this again later."
