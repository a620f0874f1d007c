from __future__ import annotations

from typing import Any

import pytest

from dot_provider.api.errors import DotPartialError, DotServerError, DotUsageError
from dot_provider.api.models.user_changes import DesiredUser, UserChange, UserReport, desired_users

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
        ([{"email": "a@b", "groups": "finance"}], "groups must be a list of names, not str"),
        ([{"email": "a@b", "groups": 7}], "groups must be a list of names, not int"),
        ([{"email": "a@b", "groups": ["a", " "]}], "a group's name must be a text"),
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
