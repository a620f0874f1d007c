"""A run as incident items."""

from __future__ import annotations

from dot_provider.dbt import incident_items, read_artifacts
from tests.fixtures_dbt import Shop


def test_a_failing_test_opens_an_incident_on_its_table(failing_shop: Shop) -> None:
    items = incident_items(read_artifacts(failing_shop.target_path), include_resolved=False)
    assert items == [
        {
            "table": "warehouse.main.orders",
            "check": "completed_orders_are_paid_in_full",
            "status": "open",
            "severity": "error",
            "message": "Got 10 results, configured to fail if != 0",
        }
    ]


def test_the_same_check_resolves_its_incident_when_it_passes(shop: Shop, failing_shop: Shop) -> None:
    opened = incident_items(read_artifacts(failing_shop.target_path))[0]
    resolved = [item for item in incident_items(read_artifacts(shop.target_path)) if item["check"] == opened["check"]]
    assert [(item["table"], item["status"]) for item in resolved] == [(opened["table"], "resolved")]


def test_what_passed_is_resolved_after_what_is_open(failing_shop: Shop) -> None:
    statuses = [item["status"] for item in incident_items(read_artifacts(failing_shop.target_path))]
    assert statuses == ["open"] + ["resolved"] * 27


def test_what_was_skipped_gives_no_item(failing_shop: Shop) -> None:
    """The incidents of a skipped test stay as they were: nothing new is known."""
    tables = {item["table"] for item in incident_items(read_artifacts(failing_shop.target_path))}
    assert "warehouse.main.customers" not in tables


def test_exposures_give_no_item(shop: Shop) -> None:
    assert len(incident_items(read_artifacts(shop.target_path))) == 38


def test_a_model_that_does_not_build_and_a_warning_are_open(troubled_shop: Shop) -> None:
    items = incident_items(read_artifacts(troubled_shop.target_path), include_resolved=False)
    assert [(item["table"], item["check"], item["severity"]) for item in items] == [
        ("warehouse.main.broken", "dbt build", "error"),
        ("warehouse.main.customers", "every_customer_has_ordered", "warn"),
    ]


def test_a_stale_source_is_open(troubled_shop: Shop) -> None:
    target = troubled_shop.target_path
    items = incident_items(read_artifacts(target, run_results=target / "sources.json"))
    assert [(item["table"], item["check"], item["status"]) for item in items] == [
        ("warehouse.raw.raw_orders", "dbt source freshness", "open")
    ]


def test_an_incident_is_named_by_table_and_check_alone(shop: Shop) -> None:
    items = incident_items(read_artifacts(shop.target_path))
    assert len({(item["table"], item["check"]) for item in items}) == len(items)


def test_the_url_of_the_run_is_put_into_every_item(failing_shop: Shop) -> None:
    items = incident_items(read_artifacts(failing_shop.target_path), url="https://airflow.example.com/runs/1")
    assert {item["url"] for item in items} == {"https://airflow.example.com/runs/1"}
