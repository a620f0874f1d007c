from __future__ import annotations

import time

import pytest
import requests

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.auth import ADMIN, PASSWORD, USER
from tests.sandbox.api import Api


@pytest.mark.parametrize("header", ["X-API-KEY", "API-KEY"])
def test_both_headers_carry_a_token(dot: Sandbox, header: str) -> None:
    assert Api(dot, header=header).get("/auth/me").json()["email"] == ADMIN


@pytest.mark.parametrize(
    ("token", "detail"),
    [("", "Not authenticated"), ("wrong", "Invalid API token"), ("dot-sandbox-expired", "API token has expired")],
)
def test_a_missing_wrong_or_expired_token_is_401(dot: Sandbox, token: str, detail: str) -> None:
    response = Api(dot, token).get("/auth/me")
    assert (response.status_code, response.json()) == (401, {"detail": detail})


def test_password_login_gives_a_bearer_token(dot: Sandbox) -> None:
    form = {"grant_type": "password", "username": ADMIN, "password": PASSWORD}
    token = requests.post(f"{dot.base_url}/api/auth/token", data=form, timeout=5).json()["access_token"]
    assert Api(dot, f"Bearer {token}", "Authorization").get("/auth/me").json()["email"] == ADMIN


@pytest.mark.parametrize(("username", "password"), [(ADMIN, "wrong"), ("nobody@sandbox.example", PASSWORD)])
def test_a_wrong_password_is_401(dot: Sandbox, username: str, password: str) -> None:
    form = {"grant_type": "password", "username": username, "password": password}
    assert requests.post(f"{dot.base_url}/api/auth/token", data=form, timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/sync/dbt/shop"), ("GET", "/export_history"), ("GET", "/auth/me")]
)
def test_the_url_authenticates_only_where_dot_documents_it(dot: Sandbox, method: str, path: str) -> None:
    url = f"{dot.base_url}/api{path}?user_id={ADMIN}&api_token={dot.token}"
    expected = 401 if path == "/auth/me" else 200
    assert requests.request(method, url, timeout=5).status_code == expected


def test_an_asset_can_be_imported_with_the_url(dot: Sandbox) -> None:
    url = f"{dot.base_url}/api/import_and_overwrite_external_asset?user_id={ADMIN}&api_token={dot.token}"
    asset = {"external_asset": {"id": "a", "subtype": "app"}}
    assert requests.post(url, json=asset, timeout=5).status_code == 200


def test_the_url_token_must_belong_to_the_user(dot: Sandbox) -> None:
    url = f"{dot.base_url}/api/sync/dbt/shop?user_id={USER}&api_token={dot.token}"
    assert requests.post(url, timeout=5).status_code == 401


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        ("dot-sandbox-modeler", "/sync/dbt/shop", 200),
        ("dot-sandbox-user", "/sync/dbt/shop", 403),
        ("dot-sandbox-modeler", "/send_invitations", 403),
        ("dot-sandbox-modeler", "/dbt/run_results", 403),
        ("dot-sandbox-user", "/org_notes", 403),
        ("dot-sandbox-user", "/add_label_to_chat", 404),
    ],
)
def test_roles_decide_what_a_token_may_do(dot: Sandbox, token: str, path: str, status: int) -> None:
    bodies = {
        "/send_invitations": {"emails": ["a@b.c"]},
        "/dbt/run_results": {"run_results": {"results": []}, "manifest": {}},
        "/org_notes": {"title": "a", "note": "b"},
        "/add_label_to_chat": {"chat_id": "a", "labels": []},
    }
    assert Api(dot, token).post(path, bodies.get(path)).status_code == status


def test_an_admin_can_log_in_for_a_user(dot: Sandbox, api: Api) -> None:
    token = api.post("/auth/embedded_user_login", {"user_id": USER}).json()["access_token"]
    assert Api(dot, f"Bearer {token}", "Authorization").get("/auth/me").json()["email"] == USER


def test_embedded_login_of_a_stranger_is_404(api: Api) -> None:
    assert api.post("/auth/embedded_user_login", {"user_id": "nobody"}).status_code == 404


def test_issued_tokens_expire(dot: Sandbox) -> None:
    token = dot.workspace.accounts.issue(ADMIN, seconds=-1)
    assert Api(dot, token).get("/auth/me").json()["detail"] == "API token has expired"


def test_the_command_line_tool_is_sent_back_with_a_working_token(dot: Sandbox) -> None:
    url = f"{dot.base_url}/cli-auth?port=12345&state=a%26b"
    location = requests.get(url, timeout=5, allow_redirects=False).headers["location"]
    base, _, query = location.partition("?")
    token = query.removeprefix("token=").partition("&")[0]
    assert base == "http://127.0.0.1:12345/callback"
    assert location.endswith("&state=a%26b")
    assert token.startswith("dot-")
    assert len(token.split(".")) == 3
    assert Api(dot, token).get("/auth/me").status_code == 200
    assert dot.workspace.accounts._tokens[token][1] > time.time()
