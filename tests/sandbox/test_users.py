from __future__ import annotations

from typing import Any

import pytest

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.auth import ADMIN, USER
from tests.sandbox.api import Api


def users(api: Api) -> dict[str, dict[str, Any]]:
    return {user["email"]: user for user in api.get("/get_users").json()}


def test_a_created_user_can_log_in(dot: Sandbox, api: Api) -> None:
    api.post("/create_user", {"email": "new@sandbox.example", "password": "pw", "realname": "New"})
    form = {"grant_type": "password", "username": "new@sandbox.example", "password": "pw"}
    assert api.session.post(f"{dot.base_url}/api/auth/token", data=form, timeout=5).status_code == 200
    assert "pw" not in str(users(api)["new@sandbox.example"])


def test_creating_a_user_again_is_400(api: Api) -> None:
    assert api.post("/create_user", {"email": USER, "password": "pw", "realname": "U"}).status_code == 400


def test_invitations_are_listed_and_not_repeated(api: Api) -> None:
    body = {"emails": ["guest@sandbox.example", USER]}
    assert api.post("/send_invitations", body).json()["invited"] == ["guest@sandbox.example"]
    assert api.post("/send_invitations", body).json()["invited"] == []
    assert users(api)["guest@sandbox.example"]["status"] == "invited"


def test_roles_change(api: Api) -> None:
    api.post("/change_user_role", {"email": USER, "role": "modeler"})
    assert users(api)[USER]["role"] == "modeler"
    assert api.post("/change_user_role", {"email": USER, "role": "king"}).status_code == 422


def test_groups_are_joined_and_left(api: Api) -> None:
    api.post("/add_user_to_group", {"email": USER, "group": "finance"})
    assert {"id": "finance", "name": "finance", "users": [USER]} in api.get("/get_groups").json()
    left = [api.post("/remove_user_from_group", {"email": USER, "group": "finance"}).status_code for _ in range(2)]
    assert left == [200, 404]


def test_a_deleted_users_token_stops_working(dot: Sandbox, api: Api) -> None:
    assert Api(dot, "dot-sandbox-user").get("/auth/me").status_code == 200
    api.post("/delete_user", {"email": USER})
    assert Api(dot, "dot-sandbox-user").get("/auth/me").status_code == 401


def test_admins_cannot_delete_themselves(api: Api) -> None:
    assert api.post("/delete_user", {"email": ADMIN}).status_code == 400


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/delete_user", {}),
        ("/change_user_role", {"role": "user"}),
        ("/add_user_to_group", {"group": "a"}),
        ("/remove_user_from_group", {"group": "a"}),
    ],
)
def test_an_unknown_user_is_404(api: Api, path: str, more: dict[str, str]) -> None:
    assert api.post(path, {"email": "nobody@sandbox.example", **more}).status_code == 404
