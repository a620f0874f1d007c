"""Users, roles and groups as an asset: the list is the state that is wanted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, DotUsersComponent, build_dot_users_asset
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run

Materialize = Callable[..., Run]

ADA = {"email": "ada@shop.example", "role": "modeler", "groups": ["finance"]}


def emails(sandbox: Sandbox) -> set[str]:
    return set(sandbox.workspace.accounts.by_email)


def test_by_default_it_reports_what_it_would_do(materialize: Materialize, sandbox: Sandbox) -> None:
    before = emails(sandbox)
    facts = materialize(build_dot_users_asset(users=[ADA])).metadata("dot/users")
    assert (facts["dry_run"], facts["invite"], facts["set role"], facts["add to group"]) == (True, 1, 1, 1)
    assert {record.data["outcome"] for record in facts["changes"].records} == {"planned"}
    assert emails(sandbox) == before


def test_it_brings_about_what_is_listed_and_then_changes_nothing_more(
    materialize: Materialize, sandbox: Sandbox
) -> None:
    users = build_dot_users_asset(users=lambda context: [ADA], dry_run=False)
    assert materialize(users).success
    assert "ada@shop.example" in emails(sandbox)
    assert materialize(users).metadata("dot/users") == {"dry_run": False}


def test_a_wrong_row_is_refused_when_the_code_location_loads() -> None:
    with pytest.raises(DotUsageError, match="User row 1: role must be one of"):
        build_dot_users_asset(users=[{**ADA, "role": "king"}])


def test_changes_that_failed_are_listed_with_the_failure(materialize: Materialize, sandbox: Sandbox) -> None:
    sandbox.fail_next(method="POST", path_prefix="/api/send_invitations", status=422)
    description, facts = materialize(build_dot_users_asset(users=[ADA], dry_run=False)).failure
    assert "changes of users failed" in description
    assert any("ada@shop.example" in line for line in facts["failed"])


def test_the_component_does_the_same(load: Any, instance: dg.DagsterInstance, dot: DotResource) -> None:
    defs = load(DotUsersComponent, {"users": [ADA], "asset": {"group_name": "people"}})
    whole = dg.Definitions.merge(defs, dg.Definitions(resources={"dot": dot}))
    ran = Run(whole.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance))
    assert ran.metadata("dot/users")["dry_run"] is True


def test_a_user_and_password_are_another_way_to_connect(sandbox: Sandbox) -> None:
    who = DotResource(username="ada", password="s3cret", base_url=sandbox.base_url)
    assert "s3cret" not in repr(who)
    credentials = who.get_client().server.credentials
    assert vars(credentials) == {"username": "ada", "password": "s3cret"}


def test_a_user_who_is_listed_twice_is_told_by_the_line(load: Any) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - Dagster's own, by its version
        load(DotUsersComponent, {"users": [ADA, {"email": "bob@shop.example"}, dict(ADA)]})
    assert re.search(r"attributes\.users\.2\b", str(refused.value.__cause__))
