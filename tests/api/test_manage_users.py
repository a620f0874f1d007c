"""Bringing users, roles and groups into a desired state."""

from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api.errors import (
    DotAuthError,
    DotPartialError,
    DotPermissionError,
    DotProtocolError,
    DotServerError,
    DotUsageError,
)
from dot_provider.api.manage_users import DesiredUser, UserChange, UserReport, Workspace, desired_users, plan_changes
from dot_provider.api.users import Group, User

ADMIN, MODELER, USER = "admin@sandbox.example", "modeler@sandbox.example", "user@sandbox.example"
NEW = "new@shop.example"


def _changes(report: Any) -> list[tuple[str, str, str]]:
    return [(item.email, item.change, item.value) for item in report.items]


def _posts(dot: Any) -> list[str]:
    return [request.path for request in dot.requests if request.method == "POST"]


def test_by_default_nothing_is_sent(dot: Any, connect: Any) -> None:
    report = connect(dot.base_url).manage_users([{"email": NEW, "role": "admin", "groups": ["finance"]}])
    assert _changes(report) == [(NEW, "invite", ""), (NEW, "set role", "admin"), (NEW, "add to group", "finance")]
    assert {item.outcome for item in report.items} == {"planned"}
    assert _posts(dot) == []


def test_invites_sets_and_adds_and_a_second_run_has_nothing_to_do(dot: Any, connect: Any) -> None:
    client = connect(dot.base_url)
    wanted = [{"email": "New@Shop.example", "role": "modeler", "groups": ["finance"]}, {"email": USER, "role": "admin"}]
    report = client.manage_users(wanted, dry_run=False).require_complete()
    assert _changes(report) == [
        (NEW, "invite", ""),
        (NEW, "set role", "modeler"),
        (NEW, "add to group", "finance"),
        (USER, "set role", "admin"),
    ]
    assert report.counts == {"invite": 1, "set role": 2, "add to group": 1}
    assert client.manage_users(wanted, dry_run=False).items == ()
    assert {user.email: user.role for user in client.users()}[USER] == "admin"


def test_nobody_is_removed_unless_told(dot: Any, connect: Any) -> None:
    client = connect(dot.base_url)
    assert client.manage_users([{"email": USER, "groups": []}], dry_run=False).items == ()
    report = client.manage_users(
        [{"email": USER, "groups": []}], dry_run=False, remove_users=True, remove_from_groups=True
    )
    assert _changes(report) == [(USER, "remove from group", "everyone"), (MODELER, "remove", "")]
    assert {user.email for user in client.users()} == {ADMIN, USER}


def test_the_tokens_own_user_stays_and_stays_admin(dot: Any, connect: Any) -> None:
    client = connect(dot.base_url)
    with pytest.raises(DotUsageError, match="must stay admin"):
        client.manage_users([{"email": ADMIN, "role": "user"}], dry_run=False)
    client.manage_users([{"email": USER}], dry_run=False, remove_users=True)
    assert ADMIN in {user.email for user in client.users()}


def test_who_has_no_address_cannot_be_told_apart(dot: Any, connect: Any) -> None:
    dot.fail_next("/get_users", body=[{"name": "ada"}], status=200)
    with pytest.raises(DotProtocolError):
        connect(dot.base_url).manage_users([{"email": USER}], remove_users=True)


def test_an_empty_list_does_not_remove_everybody(dot: Any, connect: Any) -> None:
    with pytest.raises(DotUsageError, match="would remove everybody"):
        connect(dot.base_url).manage_users([], dry_run=False, remove_users=True)
    assert dot.requests == []


def test_one_failure_does_not_keep_the_others_from_being_made(dot: Any, connect: Any) -> None:
    dot.fail_next("/send_invitations", status=400, detail="no seats left")
    wanted = [{"email": NEW}, {"email": USER, "groups": ["finance"]}]
    report = connect(dot.base_url).manage_users(wanted, dry_run=False)
    assert [item.outcome for item in report.items] == ["failed", "done"]
    with pytest.raises(DotPartialError, match=r"1 of 2 changes .* no seats left") as failed:
        report.require_complete()
    assert not failed.value.retryable


def test_a_token_that_may_not_change_users_ends_it_at_once(dot: Any, connect: Any) -> None:
    with pytest.raises(DotPermissionError):
        connect(dot.base_url, "dot-sandbox-modeler").manage_users([{"email": NEW}], dry_run=False)


@pytest.mark.parametrize(("status", "error"), [(401, DotAuthError), (403, DotPermissionError)])
def test_a_token_that_loses_its_rights_on_the_way_changes_nothing_further(
    dot: Any, connect: Any, status: int, error: type[Exception]
) -> None:
    dot.fail_next("/change_user_role", status=status)
    wanted = [{"email": USER, "role": "admin", "groups": ["finance"]}]
    with pytest.raises(error):
        connect(dot.base_url).manage_users(wanted, dry_run=False)
    assert _posts(dot) == ["/api/change_user_role"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("ada@shop.example", "users must be a list of users, not str"),
        ([7], "User row 1 must be a mapping"),
        ([{"email": USER}, {"mail": USER}], "User row 2: unknown field 'mail'"),
        ([{"role": "user"}], "User row 1: email must be text"),
        ([{"email": "ada"}], "User row 1: email 'ada' is not an e-mail address"),
        ([{"email": USER, "role": "owner"}], "User row 1: role must be one of admin, modeler, user, not 'owner'"),
        ([{"email": USER, "groups": "finance"}], "User row 1: groups must be a list of texts"),
        ([{"email": USER, "groups": [" "]}], r"User row 1: groups\[0\] is empty"),
        ([{"email": USER}, {"email": USER.upper()}], "User row 2: .* already stands in a row before it"),
    ],
)
def test_a_wrong_row_is_named_before_anything_is_sent(dot: Any, connect: Any, rows: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        connect(dot.base_url).manage_users(rows, dry_run=False)
    assert dot.requests == []


def test_memberships_are_read_from_users_and_groups_alike() -> None:
    people = [User("Ada@shop.example", role="user", groups=("a",))]
    now = Workspace.of(people, [Group("b", ("ADA@shop.example",))], User("me@shop.example"))
    wanted = [DesiredUser("ada@shop.example", None, ("a", "b", "c"))]
    assert [(change.change, change.value) for change in plan_changes(wanted, now)] == [("add to group", "c")]


ADA = UserChange("ada@shop.example", "set role", "admin")


def test_rows_are_read_as_checked_users() -> None:
    rows = [
        {"email": " Ada@Shop.example ", "role": "admin", "groups": ["a", "b", "a"]},
        DesiredUser("Bob@Shop.example"),
    ]
    assert desired_users(rows) == [
        DesiredUser("ada@shop.example", "admin", ("a", "b")),
        DesiredUser("bob@shop.example"),
    ]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("ada@shop.example", "users must be a list of users, not str"),
        ({"email": "a@b"}, "users must be a list of users, not dict"),
        (None, "not NoneType"),
        (["ada@shop.example"], "User row 1 must be a mapping"),
        ([{"email": "a@b", "rolle": "admin"}], "User row 1: unknown field 'rolle'"),
        ([{"email": "ada"}], "User row 1: email 'ada' is not an e-mail address"),
        ([{"role": "admin"}], "User row 1: email must be text"),
        ([{"email": "a@b", "role": "owner"}], "role must be one of admin, modeler, user"),
        ([DesiredUser("a@b", "owner")], "role must be one of admin, modeler, user"),
        ([{"email": "a@b", "groups": "finance"}], "groups must be a list of texts, not str"),
        ([{"email": "a@b", "groups": 7}], "groups must be a list of texts, not int"),
        ([{"email": "a@b", "groups": ["a", " "]}], r"groups\[1\] is empty"),
        ([{"email": "a@b"}, {"email": "A@B"}], "User row 2: a@b already stands in a row before it"),
    ],
)
def test_a_wrong_row_is_refused_with_row_and_field(rows: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        desired_users(rows)


def test_a_report_tells_what_was_and_what_would_be_done() -> None:
    report = UserReport([ADA.done(), UserChange("bob@shop.example", "invite")], dry_run=True)
    assert report.text == "Users (dry run): 1 would invite, 1 would set role"
    assert UserReport(dry_run=False).text == "Users: nothing to do"
    assert report.to_records()[0] == {
        "email": "ada@shop.example",
        "change": "set role",
        "value": "admin",
        "outcome": "done",
        "reason": "",
    }
    assert ADA.text == "would set role admin (ada@shop.example)"
    assert UserChange("bob@shop.example", "invite").done().text == "done: invite (bob@shop.example)"


@pytest.mark.parametrize(("error", "retryable"), [(DotServerError("x", status=503), True), (DotUsageError("x"), False)])
def test_a_failed_change_keeps_why_and_whether_it_can_pass(error: Any, retryable: bool) -> None:
    failed = ADA.failed(error)
    assert (failed.outcome, failed.reason, failed.retryable) == ("failed", "x", retryable)
    with pytest.raises(DotPartialError) as caught:
        UserReport([failed], dry_run=False).require_complete()
    assert caught.value.retryable is retryable


def test_groups_are_a_list_and_no_mapping() -> None:
    with pytest.raises(DotUsageError, match="groups must be a list"):
        DesiredUser.from_record({"email": "ada@shop.example", "groups": {"finance": True}}, 0)
