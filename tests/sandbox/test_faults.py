"""Misbehaviour that is asked for from Python; what goes over the wire is checked with real connections."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests

from dot_provider.sandbox import Fault, Sandbox
from tests.sandbox.api import Api


def test_a_status_is_answered_once_with_dots_words(dot: Sandbox, api: Api) -> None:
    dot.fail_next("/auth/me", status=503, detail="Down for maintenance")
    failed = api.get("/auth/me")
    assert (failed.status_code, failed.json()) == (503, {"detail": "Down for maintenance"})
    assert api.get("/auth/me").status_code == 200


def test_retry_after_is_sent_as_given(dot: Sandbox, api: Api) -> None:
    dot.fail_next(status=429, retry_after="Fri, 31 Dec 2027 23:59:59 GMT")
    assert api.get("/auth/me").headers["retry-after"] == "Fri, 31 Dec 2027 23:59:59 GMT"


def test_faults_meet_only_the_requests_they_concern(dot: Sandbox, api: Api) -> None:
    dot.fail_next("/org_notes", method="post", status=500, times=2)
    assert api.get("/auth/me").status_code == 200
    assert api.get("/org_notes").status_code == 200
    statuses = [api.post("/org_notes", {"title": "a", "note": "b"}).status_code for _ in range(3)]
    assert statuses == [500, 500, 200]


def test_without_effect_nothing_happens(dot: Sandbox, api: Api) -> None:
    dot.fail_next("/agentic", status=502)
    api.post("/agentic", {"messages": [{"role": "user", "content": "x"}], "chat_id": "a"})
    assert "a" not in dot.conversations


@pytest.mark.parametrize("fault", [{"status": 502}, {"lose": "reset"}])
def test_an_effect_is_kept_when_its_response_is_lost(dot: Sandbox, api: Api, fault: dict[str, Any]) -> None:
    dot.fail_next("/agentic", effect=True, **fault)
    body = {"messages": [{"role": "user", "content": "x"}], "chat_id": "a"}
    if "lose" in fault:
        with pytest.raises(requests.ConnectionError):
            api.post("/agentic", body)
    else:
        assert api.post("/agentic", body).status_code == 502
    assert dot.conversations["a"].posts == 1
    assert api.read("a")


def test_reset_sends_rst(dot: Sandbox) -> None:
    dot.fail_next(lose="reset")
    with socket.create_connection(("127.0.0.1", dot.port), timeout=5) as connection:
        connection.sendall(b"GET /api/healthcheck HTTP/1.1\r\nHost: dot\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert dot.requests[0].status is None


def test_hanging_sends_nothing(dot: Sandbox) -> None:
    dot.fail_next(lose="hang")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{dot.base_url}/api/healthcheck", timeout=0.2)


def test_a_truncated_response_ends_before_its_promised_length(dot: Sandbox, api: Api) -> None:
    dot.fail_next("/auth/me", truncate=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        api.get("/auth/me")


def test_latency_delays_the_real_response(dot: Sandbox, api: Api) -> None:
    dot.fail_next("/auth/me", latency=0.01)
    assert api.get("/auth/me").json()["role"] == "admin"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe\x00", "application/json"),
        ("<html>502</html>", "text/html; charset=utf-8"),
        ('{"x": NaN}', "application/json"),
        ([1, 2], "application/json"),
        ("[" * 5000, "application/json"),
    ],
)
def test_any_body_can_be_sent(dot: Sandbox, api: Api, body: bytes | str | list[int], kind: str) -> None:
    dot.fail_next("/auth/me", body=body)
    response = api.get("/auth/me")
    sent = body if isinstance(body, bytes) else b"[1, 2]" if isinstance(body, list) else body.encode()
    assert (response.content, response.headers["content-type"]) == (sent, kind)


def test_a_redirect_can_lead_elsewhere(dot: Sandbox, api: Api) -> None:
    dot.fail_next("/auth/me", status=307, headers={"Location": "http://127.0.0.1:9/"})
    response = api.get("/auth/me", allow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"lose": "socks"}, "lose"),
        ({"truncate": "half"}, "truncate"),
        ({"status": 99}, "status"),
        ({"latency": float("nan")}, "latency"),
        ({"latency": -1.0}, "latency"),
        ({"headers": {"X-Name": "Ωmega"}}, "X-Name"),
        ({"headers": {"X-Name": "a\r\nSet-Cookie: b"}}, "X-Name"),
        ({"headers": {"X Name": "a"}}, "X Name"),
        ({"headers": {"Content-Length": "7"}}, "Content-Length"),
        ({"retry_after": "a\nb"}, "retry-after"),
        ({"content_type": "a\x00"}, "content-type"),
    ],
)
def test_impossible_faults_are_refused(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Fault(**wrong)
