"""Keeping our own secret out of what we show, in case a failing server or a proxy echoes it."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from urllib.parse import quote, quote_plus

from dot_provider.api._core.messages import Response
from dot_provider.api.settings import Credentials, PasswordLogin

HIDDEN = "***"
"""What stands in the place of a secret."""


def scrubbed(response: Response, credentials: Credentials, bearer: str | None = None) -> Response:
    """Return ``response`` without the secrets we identify ourselves with, where it can end up in an error.

    That is all headers, and the body of every failure, redirect or web page. Other bodies are results, and left alone.
    """
    is_result = 200 <= response.status < 300 and not response.is_page
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
