"""What became of each node: real runs of dbt, and the words that only other dbt engines use."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dot_provider.api import DotUsageError
from dot_provider.dbt import DbtArtifacts, DbtNodeResult, node_results, read_artifacts
from tests.fixtures_dbt import Shop

STATUSES = {
    "success": "passed",
    "pass": "passed",
    "no-op": "passed",
    "reused": "passed",
    "warn": "warned",
    "skipped": "skipped",
    "fail": "failed",
    "error": "failed",
    "runtime error": "failed",
    "partial success": "failed",
    "a word of tomorrow": "failed",
}


def by_name(artifacts: DbtArtifacts) -> dict[str, DbtNodeResult]:
    return {node.name: node for node in node_results(artifacts)}


def one_result(entry: dict[str, Any], node: dict[str, Any] | None = None) -> DbtNodeResult:
    nodes = {entry["unique_id"]: node} if node else {}
    return node_results(DbtArtifacts({"results": [entry]}, {"nodes": nodes}))[0]


@pytest.mark.parametrize(("status", "outcome"), STATUSES.items())
def test_each_status_of_dbt_has_an_outcome(status: str, outcome: str) -> None:
    """A word that nobody knows counts as failed: nothing is called fine by mistake."""
    assert one_result({"unique_id": "model.shop.orders", "status": status}).outcome == outcome


def test_every_status_that_the_installed_dbt_knows_is_covered() -> None:
    from dbt.artifacts.schemas.results import NodeStatus

    assert {status.value for status in NodeStatus} <= STATUSES.keys()


def test_a_build_reports_every_node_once_in_dbts_order(shop: Shop) -> None:
    artifacts = read_artifacts(shop.target_path)
    ids = [node.unique_id for node in node_results(artifacts)]
    assert ids == [entry["unique_id"] for entry in artifacts.run_results["results"]]
    assert {node.outcome for node in node_results(artifacts)} == {"passed"}


def test_a_failing_test_names_the_table_it_tests(failing_shop: Shop) -> None:
    node = by_name(read_artifacts(failing_shop.target_path))["completed_orders_are_paid_in_full"]
    assert (node.resource_type, node.status, node.outcome) == ("test", "fail", "failed")
    assert node.table == "warehouse.main.orders"
    assert node.message == "Got 10 results, configured to fail if != 0"


def test_a_test_on_two_tables_is_about_the_one_it_is_attached_to(shop: Shop) -> None:
    name = "relationships_orders_customer_id__customer_id__ref_stg_customers_"
    assert by_name(read_artifacts(shop.target_path))[name].table == "warehouse.main.orders"


def test_a_unit_test_is_about_its_model(troubled_shop: Shop) -> None:
    node = by_name(read_artifacts(troubled_shop.target_path))["only_completed_orders_count"]
    assert (node.is_test, node.outcome, node.table) == (True, "passed", "warehouse.main.daily_revenue")


def test_a_warning_is_neither_passed_nor_failed(troubled_shop: Shop) -> None:
    node = by_name(read_artifacts(troubled_shop.target_path))["every_customer_has_ordered"]
    assert (node.outcome, node.severity) == ("warned", "warn")


def test_the_message_of_a_broken_model_is_on_one_line(troubled_shop: Shop) -> None:
    node = by_name(read_artifacts(troubled_shop.target_path))["broken"]
    assert (node.outcome, node.table) == ("failed", "warehouse.main.broken")
    assert "no_such_column" in node.message
    assert "\n" not in node.message


def test_what_depends_on_a_broken_model_is_skipped(troubled_shop: Shop) -> None:
    assert by_name(read_artifacts(troubled_shop.target_path))["after_broken"].outcome == "skipped"


def test_a_stale_source_says_how_old_it_is_and_what_is_allowed(troubled_shop: Shop) -> None:
    target = troubled_shop.target_path
    node = by_name(read_artifacts(target, run_results=target / "sources.json"))["old_orders"]
    assert (node.resource_type, node.outcome, node.table) == ("source", "failed", "warehouse.raw.raw_orders")
    assert re.fullmatch(
        r"Last loaded \d+ days before the check, at 2000-01-01T00:00:00\S+ \(error after 1 day\)", node.message
    )


def test_the_age_of_a_source_that_is_a_little_late_is_in_hours() -> None:
    limits = {"warn_after": {"count": 12, "period": "hour"}, "error_after": {"count": None, "period": None}}
    entry = {"max_loaded_at_time_ago_in_s": 48600.0, "max_loaded_at": "2026-08-01T00:00:00Z", "criteria": limits}
    node = one_result({"unique_id": "source.shop.web.visits", "status": "warn", **entry})
    assert node.message == ("Last loaded 13.5 hours before the check, at 2026-08-01T00:00:00Z (warn after 12 hours)")


def test_a_source_that_could_not_be_checked_gives_its_error() -> None:
    node = one_result({"unique_id": "source.shop.web.visits", "status": "runtime error", "error": "no such table"})
    assert (node.outcome, node.message) == ("failed", "no such table")


def test_a_node_that_the_manifest_does_not_know_is_described_by_its_id() -> None:
    node = one_result({"unique_id": "test.shop.not_null_orders_id.0a1b2c", "status": "fail", "message": None})
    assert (node.resource_type, node.name, node.table, node.message) == (
        "test",
        "not_null_orders_id",
        "not_null_orders_id",
        "",
    )


@pytest.mark.parametrize("quoted", ['"db"."main"."orders"', "`db`.`main`.`orders`", "[db].[main].[orders]"])
def test_tables_are_named_without_the_quotes_of_their_warehouse(quoted: str) -> None:
    node = one_result({"unique_id": "model.shop.orders", "status": "success"}, {"relation_name": quoted})
    assert node.table == "db.main.orders"


def test_a_node_without_a_relation_is_named_instead() -> None:
    node = one_result({"unique_id": "model.shop.temp", "status": "success"}, {"relation_name": None, "name": "temp"})
    assert node.table == "temp"


def test_an_entry_that_names_no_node_is_refused_because_it_may_have_failed() -> None:
    for entry in (None, "x", {}, {"unique_id": 3}, {"unique_id": ""}):
        good = {"unique_id": "model.shop.orders", "status": "success"}
        with pytest.raises(DotUsageError, match="entry 2 of its results names no node"):
            node_results(DbtArtifacts({"results": [good, entry]}, {"nodes": {}}))
