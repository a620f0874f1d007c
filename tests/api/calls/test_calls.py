"""What holds for every call, and each one over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api import DotClient
from dot_provider.api._core.call import Call
from dot_provider.api._core.send import Session, build_request
from dot_provider.api.errors import DotRefusedError
from dot_provider.api.settings import server
from dot_provider.sandbox import Sandbox
from tests.api.calls.inventory import CALLS

ONCE = {"ask", "follow", "create", "send", "merge", "proposal"}

each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)


@each_call
def test_a_call_becomes_one_request_below_api(call: Call[Any]) -> None:
    request = build_request(Session(server(token="t0ken-canary")), call)
    assert request.url.startswith("https://app.getdot.ai/api/")
    assert request.name == call.name
    assert (call.method in ("POST", "PUT")) or request.body is None


@each_call
def test_only_what_may_happen_twice_is_repeatable(call: Call[Any]) -> None:
    assert call.repeatable is (call.name.split()[0] not in ONCE)


@each_call
def test_no_call_shows_a_password_or_text_of_a_user(call: Call[Any]) -> None:
    for secret in ("hunter2", "How many orders", "# Orders"):
        assert secret not in repr(call) + call.name + call.event


@pytest.mark.parametrize("call", [call for call in CALLS if call.method != "GET"], ids=lambda call: call.name)
def test_no_write_that_dot_calls_failed_counts_as_done(dot: Sandbox, call: Call[Any]) -> None:
    with DotClient(dot.token, dot.base_url) as client:
        dot.fail_next(status=200, body={"error": "no space left"})
        with pytest.raises(DotRefusedError, match="no space left"):
            client.send(call)


@each_call
def test_every_call_is_understood_by_a_dot(dot: Sandbox, call: Call[Any]) -> None:
    """The sandbox speaks the documented API, so a wrong path would be a 404 in FastAPI's words."""
    result: Any
    with DotClient(dot.token, dot.base_url) as client:
        try:
            result = client.send(call)
        except DotRefusedError as error:
            result = error
    if isinstance(result, DotRefusedError):
        assert (result.status in (401, 403, 404), result.detail != "Not Found") == (True, True)
    else:
        assert isinstance(result, list | str | None) or hasattr(result, "raw")
