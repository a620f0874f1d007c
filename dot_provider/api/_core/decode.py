"""From a response to a result or an error: the whole error policy, without I/O, and without our own secrets in it."""

from __future__ import annotations

import html
import json
import math
import re
from dataclasses import replace
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from dot_provider.api._core.call import Call
from dot_provider.api._core.messages import Download, Response
from dot_provider.api.errors import (
    DotAuthError,
    DotConflictError,
    DotError,
    DotNotFoundError,
    DotPermissionError,
    DotProtocolError,
    DotRateLimitedError,
    DotRefusedError,
    DotServerError,
    DotValidationError,
    field_path,
)
from dot_provider.api.records import UnreadableJsonError, parse_json
from dot_provider.api.settings import ApiToken, Credentials, PasswordLogin

_SHOWN = 300
_PREFIX = 1 << 16

# What a person can do about it, per status. Dot keeps one token per user: a newer one revokes the older.
_REFUSALS: dict[int, tuple[type[DotRefusedError], str]] = {
    401: (DotAuthError, "it wants credentials, and none are sent there"),  # else the credentials know
    403: (DotPermissionError, "the token's user needs a higher role in Dot, or the token is one for MCP only"),
    404: (DotNotFoundError, "check the id, and that this Dot is recent enough to know the endpoint"),
    407: (DotRefusedError, "the proxy on the way wants a login; put user and password into HTTP_PROXY"),
    409: (DotConflictError, "something else is under way"),
    422: (DotValidationError, "correct the named fields"),
}

# Dot's API answers these in JSON; as a web page they come from another server, or from a front that knows no Dot.
_FROM_NO_DOT = frozenset({404, 405, 501})


def read_response(call: Call[Any], response: Response, now: float, credentials: Credentials | None = None) -> Any:
    """Return what ``call`` reads from ``response``; ``credentials`` are the client's, for a 401 to say what is wrong.

    Raises:
        DotError: the status is not a success, or the body is not what the call expects.
    """
    error = error_for(call, response, now, credentials)
    if error is not None:
        raise error
    if call.accepts == "file":
        location = response.headers.get("location") if response.status >= 300 else None
        return call.read(Download(response.body, response.content_type, location))
    if response.is_page:
        raise _page(call, response)
    if call.sink is not None:
        if not response.body:
            raise DotProtocolError(f"{call.name}: the answer ({response.status}) is empty.", retryable=True)
        return call.read(None)
    document = _text(call, response) if call.accepts == "text" else _parse_json(call, response)
    is_run = call.returns_run and isinstance(document, dict) and "id" in document
    if call.method != "GET" and not is_run and (words := _failure_in(document)):
        failed = DotRefusedError(
            f"{call.name}: Dot answers with {response.status} and says that it failed: {words}.",
            status=response.status,
            detail=words,
            payload=document,
        )
        failed.retryable = call.repeatable  # nothing tells whether it passes
        raise failed
    return _read(call, response, document)


def error_for(
    call: Call[Any], response: Response, now: float, credentials: Credentials | None = None
) -> DotError | None:
    """Return the error that a status stands for, in a sentence that says what to do, or None for a success."""
    status = response.status
    if 200 <= status < 300 or (status < 400 and call.accepts == "file" and "location" in response.headers):
        return None
    if status < 400:
        there = _host_of(response.headers.get("location", ""))
        return DotProtocolError(
            f"{call.name}: the server redirects ({status}) to {there}, which is not followed because the token would "
            "travel along; give Dot's final address instead."
        )
    if response.is_page and status in _FROM_NO_DOT and call.accepts != "file":
        return _page(call, response)
    detail, payload = _detail(response)
    said = f" Dot says: {detail}" if detail else ""
    wait = parse_retry_after(response.headers.get("retry-after"), now)
    if status == 429:
        return DotRateLimitedError(f"{call.name}: too many requests (429).{said}", retry_after=wait)
    if status >= 500:
        return DotServerError(f"{call.name}: the server failed ({status}).{said}", status=status, retry_after=wait)
    kind, advice = _REFUSALS.get(status, (DotRefusedError, "Dot does not accept this request"))
    if status == 401 and credentials and (call.auth != "none" or call.form is not None):
        advice = credentials.refusal
    if status == 422 and isinstance(credentials, ApiToken) and _wants_url_token(payload):
        advice = "this Dot knows no token in a header here: set url_auth_user to the e-mail address of the token's user"
    return kind(f"{call.name}: refused ({status}): {advice}.{said}", status=status, detail=detail, payload=payload)


def _host_of(location: str) -> str:
    try:
        host = urlsplit(location).netloc.rpartition("@")[2]
    except ValueError:
        return "somewhere that is no URL"
    return _one_line(host, 100) or "the same host"


def _read(call: Call[Any], response: Response, document: Any) -> Any:
    try:
        return call.read(document)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as exc:
        missing = f" (missing: {exc.args[0]})" if isinstance(exc, KeyError) and exc.args else ""
        found = "nothing" if document is None else type(document).__name__
        raise DotProtocolError(
            f"{call.name}: Dot's answer has an unexpected shape{missing}: {found} with status {response.status}."
        ) from None


def _page(call: Call[Any], response: Response) -> DotProtocolError:
    return DotProtocolError(
        f"{_where(call, response)} is a web page{_title(response.body)}, not Dot's API: check Dot's address, and "
        "any proxy or login page on the way."
    )


def _where(call: Call[Any], response: Response) -> str:
    return f"{call.name}: the answer ({response.status}, {_one_line(response.content_type, 100)})"


def _text(call: Call[Any], response: Response) -> str:
    try:
        return response.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DotProtocolError(f"{_where(call, response)} is not valid UTF-8.", retryable=True) from None


def _parse_json(call: Call[Any], response: Response) -> Any:
    text = _text(call, response)
    if not text.strip():
        return None
    try:
        return parse_json(text)
    except UnreadableJsonError as exc:
        raise DotProtocolError(f"{_where(call, response)} {exc}.", retryable=exc.cut) from None


def _detail(response: Response) -> tuple[str, Any]:
    """Return Dot's own words on a failure, shortened, and the parsed ``detail``."""
    if response.is_page:
        return f"a web page{_title(response.body)}, so a proxy answered instead of Dot", None
    text = response.body.decode("utf-8", "replace")
    try:
        document = parse_json(text, finite=False)
    except UnreadableJsonError:
        return _one_line(text), None
    payload = document.get("detail", document) if isinstance(document, dict) else document
    if isinstance(payload, list):
        payload = [_without_input(entry) for entry in payload]
    return _one_line(_words(payload)), payload


def _failure_in(document: Any) -> str:
    """Return Dot's words in a reply to a write that cannot be meant as a success, "" for any other."""
    reply = document if isinstance(document, dict) else {}
    error, status = reply.get("error"), reply.get("status")
    refused = any(reply.get(name) is False for name in ("success", "ok", "merged"))
    if error or refused or str(status).lower() == "error":
        words = _words(error if isinstance(error, dict | list) else reply) or _words(reply)
        return _one_line(words).rstrip(".") or "no reason given"
    return ""


def _without_input(entry: Any) -> Any:
    """Return one of FastAPI's complaints without what was sent, which can hold a password."""
    return {name: entry[name] for name in ("loc", "msg", "type") if name in entry} if isinstance(entry, dict) else entry


def _wants_url_token(payload: Any) -> bool:
    wanted = [entry.get("loc") for entry in payload if isinstance(entry, dict)] if isinstance(payload, list) else []
    return any(field_path(loc) in ("query.user_id", "query.api_token") for loc in wanted)


def _words(payload: Any) -> str:
    if isinstance(payload, str):
        return payload
    if isinstance(payload, list):
        return "; ".join(filter(None, (_complaint(entry) for entry in payload)))
    if isinstance(payload, dict):
        message = next((payload[n] for n in ("message", "msg", "error") if isinstance(payload.get(n), str)), "")
        return message or ", ".join(f"{name}={value}" for name, value in payload.items() if isinstance(value, str))
    return ""


def _complaint(entry: Any) -> str:
    if isinstance(entry, dict):
        return ": ".join(filter(None, (field_path(entry.get("loc")), str(entry.get("msg") or ""))))
    return entry if isinstance(entry, str) else ""


def _one_line(text: str, length: int = _SHOWN) -> str:
    """Return text from outside as it may stand in a log line: on one line, bounded, without control characters."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * length])
    return " ".join(printable.split())[:length].rstrip()


def _title(body: bytes) -> str:
    # Step by step: as one pattern, each <title of a page that closes none would look through all that follows.
    start = re.search(rb"<title", body[:_PREFIX], re.IGNORECASE)
    inside = body[start.end() : _PREFIX].partition(b">")[2] if start else b""
    end = re.search(rb"</title", inside, re.IGNORECASE)
    title = _one_line(inside[: end.start()].decode("utf-8", "replace"), 200) if end else ""
    return f" titled {title!r}" if title else ""


_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")

LONGEST = 30 * 86400.0
"""Seconds that count as the longest wait; orchestrators cannot keep times that no calendar has."""


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait from ``now`` (epoch seconds), from 0 to ``LONGEST``, or None without a meaning.

    A date is compared with our clock, so a skewed clock gives a wait that is too long or 0; callers bound it.
    """
    text = (value or "").strip()
    seconds = float(text) if _NUMBER.fullmatch(text) else _seconds_until(text, now)
    return min(max(0.0, seconds), LONGEST) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: float) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError, IndexError, OverflowError):
        return math.nan
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp() - now


HIDDEN = "***"
"""What stands in the place of a secret."""


def scrubbed(call: Call[Any], response: Response, credentials: Credentials, bearer: str | None = None) -> Response:
    """Return ``response`` without the secrets we identify ourselves with, where it can end up in an error.

    That is all headers, and the body of every failure, redirect, web page or reply to a write. Other bodies are
    results, and left alone.
    """
    is_result = 200 <= response.status < 300 and not response.is_page and (call.method == "GET" or call.auth == "none")
    secret = credentials.password if isinstance(credentials, PasswordLogin) else credentials.token
    body, headers = response.body, dict(response.headers)
    for known in filter(None, (secret, bearer)):
        for form in _forms(known):
            body = body if is_result else body.replace(form.encode("utf-8", "replace"), HIDDEN.encode())
            headers = {name: value.replace(form, HIDDEN) for name, value in headers.items()}
    return replace(response, body=body, headers=headers)


def _forms(secret: str) -> set[str]:
    """Return the ways in which text, JSON, a page or a URL writes ``secret``."""
    as_json = {json.dumps(secret, ensure_ascii=pure)[1:-1] for pure in (True, False)}
    as_page = {html.escape(secret, quote=quotes) for quotes in (True, False)}
    sent = secret.encode("utf-8", "replace")
    as_url = {quote(sent, safe=""), quote(sent), quote_plus(sent)}
    return {secret, *as_json, *(text.replace("/", "\\/") for text in as_json), *as_page, *as_url}
