"""Environments made once by their name, whatever happens on the way, and old ones cleaned up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from dot_provider.api import DotClient
from dot_provider.api.errors import DotConflictError, DotProtocolError, DotRefusedError, DotUsageError
from dot_provider.sandbox import Sandbox
from tests.api.killed_environment import try_pull_request
from tests.clock import FakeClock

REQUESTS = 11
"""List, make, targets, sync, evaluate, diff, conflicts, target, merge, list, delete."""


@pytest.fixture
def client(dot: Sandbox) -> Iterator[DotClient]:
    with DotClient(dot.token, dot.base_url) as client:
        yield client


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
def test_a_pull_request_that_is_killed_has_one_environment_and_none_after_the_next_try(
    processes: Any, number: int, side: str
) -> None:
    with Sandbox(evaluation_polls=0) as dot:

        def run(number: int) -> int | None:
            process = processes.Process(target=try_pull_request, args=(dot.base_url, number, side))
            process.start()
            process.join(60)
            return int(process.exitcode)

        assert run(number) == -signal.SIGKILL
        left = len(dot.workspace.environments)
        assert left <= 1
        made = dot.workspace.next_id("env")
        before = len(dot.requests)
        assert run(-1) == 0
        assert dot.workspace.environments == {}
        assert len(dot.requests) - before <= REQUESTS
        made_again = _number(dot.workspace.next_id("env")) - _number(made) - 1
        assert made_again == 1 - left


def _number(identifier: str) -> int:
    return int(identifier.rpartition("_")[2])


def test_an_environment_is_made_once_also_where_the_answer_is_lost(dot: Sandbox, client: DotClient) -> None:
    dot.fail_next("/environments", method="POST", lose="reset", effect=True)
    made = client.ensure_environment("pr-1", color="green")
    assert client.ensure_environment("pr-1").id == made.id
    assert [one.name for one in client.environments()] == ["pr-1"]


def test_of_two_with_one_name_nobody_knows_which_is_meant(dot: Sandbox, client: DotClient) -> None:
    ids = [client.create_environment("pr-1").id for _ in range(2)]
    for refused in (lambda: client.ensure_environment("pr-1"), lambda: client.delete_environments("pr-1")):
        with pytest.raises(DotUsageError, match=f"{ids[0]}, {ids[1]}"):
            refused()
    assert len(dot.workspace.environments) == 2


def test_old_ones_of_ones_own_are_deleted_by_the_day_in_their_names(dot: Sandbox) -> None:
    client = DotClient(dot.token, dot.base_url, clock=FakeClock())
    today = datetime.fromtimestamp(FakeClock().now(), timezone.utc)

    def day(days: int) -> str:
        return f"{today - timedelta(days=days):%Y%m%d}"

    old = {"created_at": "2020-01-01T00:00:00Z"}  # people keep environments for long
    for name in (f"pr-1-{day(9)}", f"pr-2-{day(1)}", f"theirs-{day(99)}", "pr-3", "pr-4-20269999"):
        client.create_environment(name, old)
    client.propose_environment(client.create_environment(f"pr-5-{day(9)}").id)
    assert client.delete_environments(prefix="pr-", older_than=timedelta(days=7)) == [f"pr-1-{day(9)}"]
    assert len(client.environments()) == 5
    assert client.delete_environments("pr-1") == []


@pytest.mark.parametrize("arguments", [{}, {"name": "a", "prefix": "b"}, {"prefix": "pr-"}, {"name": " "}])
def test_nothing_is_deleted_by_halves(dot: Sandbox, client: DotClient, arguments: Any) -> None:
    with pytest.raises(DotUsageError):
        client.delete_environments(**arguments)
    assert dot.requests == []


def test_a_conflict_is_told_and_not_proposed(dot: Sandbox, client: DotClient) -> None:
    made = client.ensure_environment("pr-1")
    for where, name in ((client.in_environment(made.id), "one"), (client, "two")):
        where.import_external_asset({"id": "a", "subtype": "app", "name": name})
    with pytest.raises(DotConflictError):
        client.merge_or_propose_environment(made.id)
    assert len(client.compare_environment(made.id).conflicts) == 1


def test_a_merge_that_says_no_is_none(dot: Sandbox, client: DotClient) -> None:
    made = client.ensure_environment("pr-1")
    dot.fail_next(f"/environments/{made.id}/merge", status=200, body={"merged": False, "conflicts": ["x"]})
    with pytest.raises(DotRefusedError):
        client.merge_or_propose_environment(made.id)


@pytest.mark.parametrize("answer", [{"status": 404}, {"status": 200, "body": {"target": {}, "target_commit": None}}])
def test_what_may_have_changed_since_it_was_evaluated_is_proposed(
    dot: Sandbox, client: DotClient, answer: dict[str, Any]
) -> None:
    made = client.ensure_environment("pr-1")
    dot.fail_next("/evaluations/target", **answer)
    became = client.merge_or_propose_environment(made.id, expected_target_commit="c" * 40)
    assert became.outcome == "proposed"


def test_of_a_part_of_the_environments_nothing_is_made_or_deleted(dot: Sandbox, client: DotClient) -> None:
    for act in (client.ensure_environment, client.delete_environments):
        dot.fail_next("/environments", status=200, body={"items": [], "has_more": True})
        with pytest.raises(DotProtocolError):
            act("pr-1")
    assert dot.workspace.environments == {}


def test_conflicts_that_cannot_be_read_are_not_none(dot: Sandbox, client: DotClient) -> None:
    made = client.ensure_environment("pr-1")
    dot.fail_next(f"/environments/{made.id}/conflicts", status=200, body={"ok": True})
    with pytest.raises(DotProtocolError):
        client.compare_environment(made.id)
