"""Assets are pushed where they differ, each outcome is told, leftovers are pruned on request only."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from dot_provider.api import DotClient
from dot_provider.api._core.call import Call
from dot_provider.api._core.send import MAX_ATTEMPTS
from dot_provider.api.errors import (
    DotAuthError,
    DotError,
    DotNotFoundError,
    DotPermissionError,
    DotProtocolError,
    DotRefusedError,
    DotServerError,
    DotTimeoutError,
    DotUsageError,
)
from dot_provider.api.external_assets import ExternalAsset, StoredAsset
from dot_provider.api.push import AWAY_AFTER, BATCH, PushedAsset, PushReport, push_external_assets
from dot_provider.api.records import Reply
from dot_provider.sandbox import Sandbox
from tests.api.runs import Run
from tests.both_clients import Connect
from tests.clock import FakeClocks


def asset(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"a{number:06}",
        "subtype": "looker_dashboard",
        "folder": "sales",
        "name": f"Asset {number}",
        **fields,
    }


def outcomes(report: PushReport) -> list[tuple[str, str]]:
    return [(item.asset_id, item.outcome) for item in report.items]


def imports(dot: Sandbox) -> list[str]:
    sent = [r for r in dot.requests if r.path == "/api/import_and_overwrite_external_asset"]
    return [r.json["external_asset"]["id"] for r in sent]


def test_assets_are_sent_once_and_unchanged_ones_not_again(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    assets = [asset(n) for n in range(20)]
    first = client.push_external_assets(assets)
    assert outcomes(first) == [(a["id"], "sent") for a in assets]
    changed = [{**a, "name": "New"} if n == 7 else a for n, a in enumerate(assets)]
    second = client.push_external_assets(iter(changed))
    assert second.counts == {"sent": 1, "unchanged": 19}
    assert second.items[7].outcome == "sent"
    assert sorted(imports(dot)) == sorted([*(a["id"] for a in assets), "a000007"])


def test_500_assets_with_three_failures_are_497_sent_and_three_named(dot: Sandbox, connect: Connect) -> None:
    """Each failure is reported in its place, in whatever order requests end, and a second push sends only those."""
    dot.fail_next("/import_and_overwrite_external_asset", status=422, detail="Too long.", times=3)
    client = connect(dot.base_url)
    report = client.push_external_assets(asset(n) for n in range(500))
    assert [item.asset_id for item in report.items] == [asset(n)["id"] for n in range(500)]
    assert report.counts == {"sent": 497, "failed": 3}
    assert all("Too long." in item.reason for item in report.failed)
    again = client.push_external_assets([asset(n) for n in range(500)])
    assert again.counts == {"sent": 3, "unchanged": 497}


def test_a_503_in_between_is_survived(dot: Sandbox, connect: Connect) -> None:
    """One less than a call has attempts, so that none fails, whichever they meet."""
    dot.fail_next("/import_and_overwrite_external_asset", status=503, times=MAX_ATTEMPTS - 1)
    client = connect(dot.base_url, clock=FakeClocks())
    report = client.push_external_assets([asset(n) for n in range(500)])
    assert report.counts == {"sent": 500}
    assert len(imports(dot)) == 500 + MAX_ATTEMPTS - 1


def test_a_storm_of_503_costs_no_more_than_the_budget(dot: Sandbox, connect: Connect) -> None:
    """Half of the assets meet it: 1.2 requests per asset, and the budget's initial tokens."""
    dot.fail_next("/import_and_overwrite_external_asset", status=503, times=300)
    client = connect(dot.base_url, clock=FakeClocks())
    report = client.push_external_assets([asset(n) for n in range(500)])
    assert report.counts["sent"] >= 200
    assert sum(report.counts.values()) == 500
    assert len(imports(dot)) <= 1.2 * 500 + 60


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_at_most_so_many_imports_are_under_way_at_once(concurrency: int) -> None:
    seen: list[int] = []

    def play(call: Call[Any]) -> Any:
        return [] if call.name == "list external assets" else Reply()

    run = Run(play)
    flow = push_external_assets([asset(n) for n in range(20)], concurrency=concurrency)
    handle = run._handle
    run._handle = lambda step: seen.append(getattr(step, "concurrency", 0)) or handle(step)  # type: ignore[method-assign, func-returns-value]
    run(flow)
    assert max(seen) == concurrency


def test_a_list_is_checked_as_a_whole_before_anything_is_sent(dot: Sandbox) -> None:
    rows = [*(asset(n) for n in range(300)), {"id": "x"}]
    with DotClient(dot.token, dot.base_url) as client, pytest.raises(DotUsageError, match="Asset row 301"):
        client.push_external_assets(rows)
    assert imports(dot) == []


def test_a_stream_ends_at_its_first_wrong_row(dot: Sandbox) -> None:
    rows = iter([*(asset(n) for n in range(BATCH)), {"id": "x"}])
    with DotClient(dot.token, dot.base_url) as client, pytest.raises(DotUsageError, match=f"Asset row {BATCH + 1}"):
        client.push_external_assets(rows)
    assert len(imports(dot)) == BATCH


def test_a_dry_run_says_what_it_would_do_and_sends_nothing(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    client.push_external_assets([asset(1), asset(2), asset(3)])
    sent = len(imports(dot))
    report = client.push_external_assets([asset(1), asset(2, name="New"), asset(4)], prune=True, dry_run=True)
    assert report.dry_run
    assert outcomes(report) == [
        ("a000001", "unchanged"),
        ("a000002", "would send"),
        ("a000004", "would send"),
        ("a000003", "would delete"),
    ]
    assert report.text == "External assets (dry run): 1 unchanged, 1 would delete, 2 would send"
    assert len(imports(dot)) == sent
    assert len(client.external_assets()) == 3


@pytest.mark.parametrize(
    ("prune", "outcome"), [(True, "deleted"), ("delete", "deleted"), ("deactivate", "deactivated")]
)
def test_pruning_takes_only_what_is_no_longer_listed_in_the_same_subtype_and_folder(
    dot: Sandbox, connect: Connect, prune: Any, outcome: str
) -> None:
    client = connect(dot.base_url)
    others = [asset(8, folder="finance"), asset(9, subtype="tableau_workbook")]
    client.push_external_assets([asset(1), asset(2, view_count=7, last_accessed_at="2026-11-01"), *others])
    report = client.push_external_assets([asset(1)], prune=prune)
    assert outcomes(report) == [("a000001", "unchanged"), ("a000002", outcome)]
    left = {a.id: a for a in client.external_assets()}
    assert {a for a, stored in left.items() if stored.active} == {"a000001", "a000008", "a000009"}
    if outcome == "deactivated":
        assert (left["a000002"].raw["view_count"], left["a000002"].raw["last_accessed_at"]) == (7, "2026-11-01")


@pytest.mark.parametrize(
    ("scope", "pruned"),
    [
        ({"subtype": "looker_dashboard"}, {"a000002", "a000008"}),
        ({"subtype": "looker_dashboard", "folder": "finance"}, {"a000008"}),
        ({"folder": "sales"}, {"a000002"}),
        ({"folder": "finance"}, set()),
        ({"subtype": "other"}, set()),
    ],
)
def test_pruning_is_limited_to_the_given_place(dot: Sandbox, scope: dict[str, str], pruned: set[str]) -> None:
    with DotClient(dot.token, dot.base_url) as client:
        client.push_external_assets([asset(1), asset(2), asset(8, folder="finance")])
        report = client.push_external_assets([asset(1)], prune=True, **scope)
    assert {item.asset_id for item in report.items if item.outcome == "deleted"} == pruned


def test_an_empty_list_prunes_only_a_named_place(dot: Sandbox) -> None:
    with DotClient(dot.token, dot.base_url) as client:
        client.push_external_assets([asset(1)])
        with pytest.raises(DotUsageError, match="needs subtype"):
            client.push_external_assets([], prune=True)
        assert len(client.external_assets()) == 1
        assert client.push_external_assets([], prune=True, subtype="looker_dashboard").counts == {"deleted": 1}


@pytest.mark.parametrize("subtype", ["", " "])
def test_an_empty_subtype_is_no_place(subtype: str) -> None:
    """A template that rendered to nothing would otherwise prune what has no subtype."""
    with pytest.raises(DotUsageError, match="subtype is empty"):
        Run(lambda call: [])(push_external_assets([], prune=True, subtype=subtype))


def test_an_unknown_way_to_prune_is_refused() -> None:
    with pytest.raises(DotUsageError, match="prune must be"):
        Run(lambda call: [])(push_external_assets([], prune="archive"))  # type: ignore[arg-type]


@pytest.mark.parametrize("reply", [{"error": "no such folder"}, {"success": False}, {"status": "error"}])
def test_nothing_is_pruned_where_an_import_failed(dot: Sandbox, connect: Connect, reply: Any) -> None:
    client = connect(dot.base_url)
    client.push_external_assets([asset(1), asset(2)])
    dot.fail_next("/import_and_overwrite_external_asset", status=200, body=reply)
    report = client.push_external_assets([asset(1), asset(3)], prune=True)
    assert outcomes(report) == [("a000001", "unchanged"), ("a000003", "failed"), ("a000002", "kept")]
    assert report.failed[0].retryable
    again = client.push_external_assets([asset(1), asset(3)], prune=True)
    assert outcomes(again) == [("a000001", "unchanged"), ("a000003", "sent"), ("a000002", "deleted")]


def stored(number: int, **fields: Any) -> StoredAsset:
    return StoredAsset.from_record(asset(number, **fields))


def playing(known: list[StoredAsset] | DotError, **answers: Any) -> Run:
    """Play a Dot that knows these assets and answers calls by the first word of their name."""

    def play(call: Call[Any]) -> Any:
        if call.name == "list external assets":
            return known
        answer = answers.get(call.name.split()[0], Reply())
        return answer(call) if callable(answer) else answer

    return Run(play)


@pytest.mark.parametrize(("prune", "pruned"), [("delete", ["deleted"]), ("deactivate", [])])
def test_what_is_hidden_already_is_deleted_but_not_hidden_again(prune: Any, pruned: list[str]) -> None:
    report = playing([stored(2, active=False)])(push_external_assets([asset(1)], prune=prune))
    assert [item.outcome for item in report.items][1:] == pruned


def test_what_is_gone_already_counts_as_deleted() -> None:
    """The answer to a first try may have been lost."""
    run = playing([stored(2)], delete=DotRefusedError("x", status=400))
    assert [item.outcome for item in run(push_external_assets([asset(1)], prune=True)).items] == ["sent", "failed"]
    gone = playing([stored(2)], delete=DotNotFoundError("gone", status=404))
    assert [item.outcome for item in gone(push_external_assets([asset(1)], prune=True)).items] == ["sent", "deleted"]


def test_an_asset_that_dot_would_not_take_back_is_reported_and_the_others_are_hidden() -> None:
    run = playing([stored(2, url=["odd"]), stored(3)])
    report = run(push_external_assets([asset(1)], prune="deactivate"))
    assert outcomes(report)[1:] == [("a000002", "failed"), ("a000003", "deactivated")]
    assert "url must be text" in report.items[1].reason


def test_records_without_an_id_are_left_alone() -> None:
    nameless = StoredAsset.from_record({"subtype": "looker_dashboard", "folder": "sales"})
    assert len(playing([nameless])(push_external_assets([asset(1)], prune=True)).items) == 1


@pytest.mark.parametrize("failure", [DotPermissionError("x", status=403), DotProtocolError("larger than 64 MiB")])
def test_without_a_list_everything_is_sent_but_nothing_pruned(failure: DotError) -> None:
    assert playing(failure)(push_external_assets([asset(1)])).counts == {"sent": 1}
    for wanted in ({"prune": True}, {"dry_run": True}):
        with pytest.raises(type(failure)):
            playing(failure)(push_external_assets([asset(1)], **wanted))  # type: ignore[arg-type]


def test_a_wrong_token_ends_the_push_with_its_first_request() -> None:
    run = playing(DotAuthError("wrong", status=401))
    with pytest.raises(DotAuthError):
        run(push_external_assets([asset(n) for n in range(1000)]))
    assert run.calls == ["list external assets"]


@pytest.mark.parametrize("failure", [DotAuthError("x", status=401), DotPermissionError("role", status=403)])
def test_a_role_that_may_not_import_ends_the_push_with_its_first_batch(failure: DotError) -> None:
    run = playing([], **{"import": failure})
    with pytest.raises(type(failure)):
        run(push_external_assets(asset(n) for n in range(1000)))
    assert run.batches == [BATCH]


def test_one_refused_asset_does_not_end_the_push() -> None:
    def one_is_private(call: Call[Any]) -> Any:
        return DotPermissionError("private", status=403) if call.name.endswith("a000003") else Reply()

    report = playing([], **{"import": one_is_private})(push_external_assets([asset(n) for n in range(10)]))
    assert report.counts == {"sent": 9, "failed": 1}


def test_a_failure_that_can_pass_makes_the_report_retryable() -> None:
    run = playing([], **{"import": DotServerError("away", status=503)})
    assert all(item.retryable for item in run(push_external_assets([asset(1)])).failed)


def test_a_dot_that_is_away_is_not_waited_for_by_each_of_the_others_in_turn() -> None:
    """100,000 time-outs one after another would hang for days. A retry of the task sends what is missing."""

    def time_out(call: Call[Any]) -> Any:
        run.clock.sleep(AWAY_AFTER / BATCH / 2)
        return DotTimeoutError("late")

    run = playing([stored(2 * BATCH + 1, description="", url="", active=True, view_count=0)], **{"import": time_out})
    report = run(push_external_assets(asset(n) for n in range(2 * BATCH + 3)))
    assert run.batches == [BATCH, BATCH]
    assert [item.outcome for item in report.items[-3:]] == ["failed", "unchanged", "failed"]
    assert report.items[-1].reason == "not sent, because Dot has not answered for 600 s"
    assert report.items[-1].retryable


def test_failures_with_successes_between_them_do_not_end_the_push() -> None:
    def flaky(call: Call[Any]) -> Any:
        run.clock.sleep(AWAY_AFTER)
        return Reply() if call.name.endswith("0") else DotServerError("away", status=503)

    run = playing([], **{"import": flaky})
    report = run(push_external_assets(asset(n) for n in range(3 * BATCH)))
    assert report.counts == {"sent": 77, "failed": 691}
    assert run.batches == [BATCH] * 3


def test_progress_is_told_for_a_long_push_and_the_result_in_one_line() -> None:
    run = playing([])
    run(push_external_assets(asset(n) for n in range(2 * BATCH + 1)))
    assert run.said == [
        f"{2 * BATCH} external assets so far",
        f"{2 * BATCH + 1} external assets so far",
        f"External assets: {2 * BATCH + 1} sent",
    ]


@pytest.mark.slow
def test_memory_stays_flat_for_100_000_assets() -> None:
    """However long the stream, a batch or two of assets are held at once, and of each a small entry stays."""
    alive: weakref.WeakSet[ExternalAsset] = weakref.WeakSet()
    most = 0

    def rows() -> Iterator[ExternalAsset]:
        nonlocal most
        for number in range(100_000):
            row = ExternalAsset.from_record(asset(number))
            alive.add(row)
            most = max(most, len(alive))
            yield row

    def play(call: Call[Any]) -> Any:
        return [] if call.name == "list external assets" else None

    report = Run(play)(push_external_assets(rows()))
    assert len(report.items) == 100_000
    assert most <= 3 * BATCH
    assert sys.getsizeof(report.items[0]) < 100


FOREVER = PushedAsset.of("b", "sent", DotUsageError("no subtype"))


def test_a_report_counts_its_outcomes() -> None:
    report = PushReport([PushedAsset("a", "sent"), PushedAsset("d", "unchanged"), FOREVER], dry_run=True)
    assert report.counts == {"sent": 1, "unchanged": 1, "failed": 1}
    assert report.failed == [FOREVER]
    assert report.text == "External assets (dry run): 1 failed, 1 sent, 1 unchanged"
    assert PushReport().text == "External assets: nothing to do"


def test_records_are_plain_and_storable() -> None:
    report = PushReport([PushedAsset("a", "failed", "cut\x00")])
    assert report.to_records() == [{"id": "a", "outcome": "failed", "reason": "cut�"}]
