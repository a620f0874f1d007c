"""The summary of a run: what a person reads in a log."""

from __future__ import annotations

from dot_provider.dbt import DbtArtifacts, read_artifacts, summarize
from tests.fixtures_dbt import Shop


def run_of(*entries: dict[str, str]) -> DbtArtifacts:
    results = [{"unique_id": f"model.shop.m{number}", **entry} for number, entry in enumerate(entries)]
    return DbtArtifacts({"metadata": {}, "results": results}, {"metadata": {"project_name": "shop"}, "nodes": {}})


def test_a_run_in_which_everything_passed_is_one_line(shop: Shop) -> None:
    summary = summarize(read_artifacts(shop.target_path))
    assert summary.ok
    assert summary.counts == {"pass": 24, "success": 14, "no-op": 2}
    assert summary.seconds is not None
    assert summary.text == f"dbt build shop in {summary.seconds:.1f} s: 24 pass, 14 success, 2 no-op"


def test_a_failing_test_is_counted_and_told(failing_shop: Shop) -> None:
    summary = summarize(read_artifacts(failing_shop.target_path))
    assert not summary.ok
    assert summary.counts == {"pass": 16, "skipped": 12, "success": 11, "fail": 1}
    assert [node.name for node in summary.failed] == ["completed_orders_are_paid_in_full"]
    assert summary.text.splitlines()[1:] == [
        "- fail: test completed_orders_are_paid_in_full on warehouse.main.orders: "
        "Got 10 results, configured to fail if != 0"
    ]


def test_warnings_are_told_after_failures(troubled_shop: Shop) -> None:
    lines = summarize(read_artifacts(troubled_shop.target_path)).text.splitlines()
    assert lines[1].startswith("- error: model broken: ")
    assert lines[2].startswith("- warn: test every_customer_has_ordered on warehouse.main.customers: ")
    assert len(lines) == 3


def test_a_stale_source_makes_the_freshness_check_fail(troubled_shop: Shop) -> None:
    target = troubled_shop.target_path
    summary = summarize(read_artifacts(target, run_results=target / "sources.json"))
    assert not summary.ok
    assert summary.text.startswith("dbt source freshness shop in ")
    assert "- error: source old_orders: Last loaded" in summary.text


def test_warnings_and_skipped_nodes_are_fine_as_they_are_for_dbts_exit_code() -> None:
    assert summarize(run_of({"status": "warn"}, {"status": "skipped"})).ok


def test_a_run_of_nothing_says_so() -> None:
    assert summarize(run_of()).text == "dbt shop: nothing to do"


def test_many_failures_are_cut_after_twenty() -> None:
    lines = summarize(run_of(*[{"status": "error"}] * 33)).text.splitlines()
    assert len(lines) == 22
    assert lines[-1] == "- and 13 more"


def test_a_long_message_is_cut() -> None:
    line = summarize(run_of({"status": "error", "message": "x" * 5000})).text.splitlines()[1]
    assert len(line) < 350
    assert line.endswith("…")
