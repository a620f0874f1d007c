from __future__ import annotations

import base64

import pytest
import requests

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api


def control(dot: Sandbox, method: str, path: str, json: object = None) -> requests.Response:
    return requests.request(method, f"{dot.base_url}/sandbox{path}", json=json, timeout=5)


def test_faults_can_be_ordered_over_http(dot: Sandbox, api: Api) -> None:
    order = {"path_prefix": "/auth", "status": 503, "retry_after": 1, "times": 2}
    assert control(dot, "POST", "/faults", order).json() == {"waiting": 2}
    assert control(dot, "GET", "/faults").json()[0]["status"] == 503
    assert api.get("/auth/me").headers["retry-after"] == "1"
    assert control(dot, "DELETE", "/faults").json() == {"waiting": 0}
    assert api.get("/auth/me").status_code == 200


def test_bytes_travel_as_base64(dot: Sandbox, api: Api) -> None:
    control(dot, "POST", "/faults", {"body_base64": base64.b64encode(b"\xff\x00").decode()})
    assert api.get("/auth/me").content == b"\xff\x00"


@pytest.mark.parametrize(
    ("order", "status"),
    [({"colour": "blue"}, 422), ({"lose": "socks"}, 422), ({"status": 99}, 422), ({"body_base64": "a"}, 422)],
)
def test_impossible_orders_are_refused(dot: Sandbox, order: dict[str, object], status: int) -> None:
    assert control(dot, "POST", "/faults", order).status_code == status
    assert not dot.workspace.faults.waiting


def test_requests_can_be_read_over_http(dot: Sandbox, api: Api) -> None:
    api.post("/sync/dbt/shop")
    api.get("/auth/me")
    found = control(dot, "GET", "/requests?path_prefix=/api/sync").json()
    assert [(r["method"], r["path"], r["status"]) for r in found] == [("POST", "/api/sync/dbt/shop", 200)]
    assert dot.token not in str(found)
    last = [control(dot, "GET", f"/requests?limit={limit}").json() for limit in (0, 1, 9)]
    assert [len(requests) for requests in last] == [0, 1, 2]
    assert last[1][0]["path"] == "/api/auth/me"


def test_state_shows_what_happened(dot: Sandbox, api: Api) -> None:
    api.ask("How many orders?")
    api.post("/sync/dbt/shop")
    state = control(dot, "GET", "/state").json()
    assert state["conversations"][0]["questions"] == ["How many orders?"]
    assert state["syncs"][0]["connection_id"] == "shop"
    assert state["connections"] == {"shop": "dbt"}


def test_reset_starts_over(dot: Sandbox, api: Api) -> None:
    api.post("/sync/dbt/shop")
    assert control(dot, "POST", "/reset").json() == {"status": "reset"}
    assert control(dot, "GET", "/state").json()["syncs"] == []
