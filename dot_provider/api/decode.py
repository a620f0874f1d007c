"""From a response to a result or an error: the whole error policy, without I/O."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from dot_provider.api.call import Call
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
)
from dot_provider.api.models.download import Download
from dot_provider.api.retry_after import parse_retry_after
from dot_provider.api.wire import Response

_SHOWN = 300

# What a person can do about it, per status. Dot keeps one token per user: a newer one revokes the older.
_REFUSALS: dict[int, tuple[type[DotRefusedError], str]] = {
    401: (
        DotAuthError,
        "check the token: it is wrong, expired, or was replaced by a newer one of the same user",
    ),
    403: (DotPermissionError, "the token's user needs a higher role in Dot (admin or modeler)"),
    404: (DotNotFoundError, "check the id, and that this Dot is recent enough to know the endpoint"),
    409: (DotConflictError, "something else is under way"),
    422: (DotValidationError, "correct the named fields"),
}


def read_response(call: Call[Any], response: Response, now: float) -> Any:
    """Return what ``call`` reads from ``response``.

    Raises:
        DotError: the status is not a success, or the body is not what the call expects.
    """
    error = error_for(call, response, now)
    if error is not None:
        raise error
    if call.accepts == "sink":
        return call.read(None)
    if call.accepts == "file":
        location = response.headers.get("location") if 300 <= response.status < 400 else None
        return call.read(Download(response.body, response.content_type, location))
    return _read_json(call, response)


def error_for(call: Call[Any], response: Response, now: float) -> DotError | None:
    """Return the error that a status stands for, in a sentence that says what to do, or None for a success."""
    status = response.status
    if 200 <= status < 300 or (300 <= status < 400 and call.accepts == "file"):
        return None
    if 300 <= status < 400:
        host = urlsplit(response.headers.get("location", "")).netloc.rpartition("@")[2] or "the same host"
        return DotProtocolError(
            f"{call.name}: the server redirects ({status}) to {host[:100]}, which is not followed because the token "
            "would travel along. Set base_url to Dot's final address."
        )
    detail, payload = _detail(response)
    said = f" Dot says: {detail}" if detail else ""
    if status == 429:
        wait = parse_retry_after(response.headers.get("retry-after"), now)
        return DotRateLimitedError(f"{call.name}: too many requests (429).{said}", retry_after=wait)
    if status >= 500:
        wait = parse_retry_after(response.headers.get("retry-after"), now)
        return DotServerError(f"{call.name}: the server failed ({status}).{said}", status=status, retry_after=wait)
    kind, advice = _REFUSALS.get(status, (DotRefusedError, "Dot does not accept this request"))
    return kind(f"{call.name}: refused ({status}): {advice}.{said}", status=status, detail=detail, payload=payload)


def _read_json(call: Call[Any], response: Response) -> Any:
    document = _parse_json(call, response)
    try:
        return call.read(document)
    except DotError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as exc:
        missing = f" (missing: {exc.args[0]})" if isinstance(exc, KeyError) and exc.args else ""
        raise DotProtocolError(
            f"{call.name}: Dot's answer has an unexpected shape{missing}: {type(document).__name__} with status "
            f"{response.status}."
        ) from None


def _parse_json(call: Call[Any], response: Response) -> Any:
    where = f"{call.name}: the answer ({response.status}, {response.content_type})"
    start = response.body[:64].lstrip()
    if start.startswith(b"<"):
        raise DotProtocolError(
            f"{where} is a web page{_title(response.body)}, not Dot's API: check base_url, and any proxy or login page "
            "on the way."
        )
    if not start:
        return None
    try:
        return json.loads(response.body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise DotProtocolError(f"{where} is not valid UTF-8.", retryable=True) from None
    except RecursionError:
        raise DotProtocolError(f"{where} is nested too deeply to be read.") from None
    except _NotJson as exc:
        raise DotProtocolError(f"{where} contains {exc}, which is not JSON.") from None
    except ValueError:
        raise DotProtocolError(f"{where} is cut off or not JSON.", retryable=True) from None


class _NotJson(Exception):
    pass


def _refuse_constant(name: str) -> Any:
    raise _NotJson(name)


def _detail(response: Response) -> tuple[str, Any]:
    """Return Dot's own words on a failure, shortened, and the parsed ``detail``."""
    if response.body[:64].lstrip().startswith(b"<"):
        return f"a web page{_title(response.body)}, so a proxy answered instead of Dot", None
    try:
        document = json.loads(response.body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return response.body[:_SHOWN].decode("utf-8", "replace").strip(), None
    payload = document.get("detail", document) if isinstance(document, dict) else document
    return _words(payload)[:_SHOWN], payload


def _words(payload: Any) -> str:
    if isinstance(payload, str):
        return payload
    if isinstance(payload, list):  # FastAPI's 422; "input" holds what was sent and is left out
        return "; ".join(
            f"{'.'.join(map(str, entry.get('loc', ())))}: {entry.get('msg', '')}"
            for entry in payload
            if isinstance(entry, dict)
        )
    if isinstance(payload, dict):
        message = payload.get("message") or payload.get("msg") or payload.get("error")
        return str(message) if message else ", ".join(f"{k}={v}" for k, v in payload.items() if isinstance(v, str))
    return ""


def _title(body: bytes) -> str:
    match = re.search(rb"<title[^>]*>(.*?)</title", body[:65536], re.IGNORECASE | re.DOTALL)
    title = " ".join(match[1].decode("utf-8", "replace").split())[:200] if match else ""
    return f" titled {title!r}" if title else ""
