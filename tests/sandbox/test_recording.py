from __future__ import annotations

import pytest
import requests

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api


def test_requests_are_recorded_in_order_with_body_and_status(dot: Sandbox, api: Api) -> None:
    api.post("/sync/dbt/shop")
    api.post("/add_label_to_chat", {"chat_id": "none", "labels": ["x"]})
    first, second = dot.requests
    assert (first.method, first.path, first.json, first.status) == ("POST", "/api/sync/dbt/shop", None, 200)
    assert (second.json, second.status) == ({"chat_id": "none", "labels": ["x"]}, 404)
    assert first.time <= second.time


def test_no_secret_is_recorded(dot: Sandbox) -> None:
    """Neither headers, query, form nor JSON show a token or password."""
    secret = "dot-very-secret"
    headers = {"X-API-KEY": secret, "API-KEY": secret, "Authorization": f"Bearer {secret}", "Cookie": f"a={secret}"}
    headers["Referer"] = f"https://example.com/?api_token={secret}"
    api = f"{dot.base_url}/api"
    requests.post(f"{api}/sync/dbt/x?user_id=a&api_token={secret}", headers=headers, timeout=5)
    requests.post(f"{api}/auth/token", data={"username": "a", "password": secret}, timeout=5)
    requests.post(f"{api}/create_user", json={"email": "a@b.c", "password": secret, "realname": "A"}, timeout=5)
    assert len(dot.requests) == 3
    assert secret not in repr(dot.requests)
    assert dot.requests[0].headers["x-api-key"] == "***"


def test_the_page_and_the_control_endpoints_are_not_recorded(dot: Sandbox) -> None:
    requests.get(f"{dot.base_url}/", timeout=5)
    requests.get(f"{dot.base_url}/sandbox/state", timeout=5)
    assert not dot.requests


def test_only_the_last_requests_are_kept(dot: Sandbox, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dot_provider.sandbox.recording._KEPT", 3)
    dot.reset()
    for name in "abcde":
        api.post(f"/sync/dbt/{name}")
    assert [request.path[-1] for request in dot.requests] == ["c", "d", "e"]
    assert dot.workspace.recorder.total == 5


def test_a_request_that_got_no_response_has_no_status(dot: Sandbox, api: Api) -> None:
    dot.fail_next("/auth/me", lose="reset")
    with pytest.raises(requests.ConnectionError):
        api.get("/auth/me")
    assert dot.requests[0].status is None
