"""What other tools found, as incidents: documents of Soda 3, Great Expectations 1.24 and common-sql 2.4, shortened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from dot_provider.api.errors import DotUsageError
from dot_provider.dbt import (
    items_from_elementary,
    items_from_great_expectations,
    items_from_soda,
    items_from_sql_checks,
)


def _short(items: Any) -> list[tuple[str, ...]]:
    return [(item["table"], item["check"], item["status"], item["severity"]) for item in items]


def test_airflows_sql_checks() -> None:
    SQLCheckResult = pytest.importorskip("airflow.providers.common.sql.operators.sql").SQLCheckResult  # noqa: N806
    results = [
        SQLCheckResult("amount.min", "min", False, table='"w"."main"."orders"', expected=">= 0", actual="-1"),
        SQLCheckResult("id.unique", "unique", True, table="orders"),
        SQLCheckResult("rows", "row_count", False, severity="warn"),
        SQLCheckResult("shape", "row_count", False, severity="info", table="orders"),
    ]
    items = items_from_sql_checks(results, table="analytics.orders")
    assert _short(items) == [
        ("w.main.orders", "amount.min", "open", "error"),
        ("orders", "id.unique", "resolved", "error"),
        ("analytics.orders", "rows", "open", "warn"),
    ]
    assert items[0]["message"] == "expected >= 0, got -1"
    assert items_from_sql_checks([vars(one) for one in results], "analytics.orders") == items
    with pytest.raises(DotUsageError, match="table is needed"):
        items_from_sql_checks(results)


def _soda(name: str, outcome: str | None, **more: Any) -> dict[str, Any]:
    return {"name": name, "definition": f"- {name}", "table": "orders", "outcome": outcome, **more}


def test_a_scan_of_soda() -> None:
    checks = [
        _soda("row_count > 5", "fail", diagnostics={"value": 3}),
        _soda("missing_count(amount)", "warn"),
        _soda("min(amount) < 0", "pass"),
        _soda("missing_count(nowhere) = 0", None),  # was not evaluated
    ]
    items = items_from_soda({"checks": checks}, table_of=lambda name: f"w.main.{name}")
    assert _short(items) == [
        ("w.main.orders", "row_count > 5", "open", "error"),
        ("w.main.orders", "missing_count(amount)", "open", "warn"),
        ("w.main.orders", "min(amount) < 0", "resolved", "error"),
    ]
    assert items[0]["message"] == "- row_count > 5: 3"


def _expectation(kind: str, success: bool, column: str | None = None, severity: str = "critical", **more: Any) -> Any:
    kwargs = {"column": column} if column else {}
    return {"success": success, "expectation_config": {"type": kind, "kwargs": kwargs, "severity": severity}, **more}


def test_a_validation_of_great_expectations() -> None:
    results = [
        _expectation("unique", False, "id", result={"unexpected_count": 2}),
        _expectation("between", True, "amount", "warning"),
        _expectation("between", False, "amount", "warning"),  # the same column, with other bounds
        _expectation("row_count", False, severity="info"),
        _expectation("null", False, "x", exception_info={"('column', 'x')": {"exception_message": "no such column"}}),
    ]
    meta = {"batch_spec": {"schema_name": "main", "table_name": "orders"}}
    items = items_from_great_expectations({"results": results, "meta": meta})
    assert _short(items) == [
        ("main.orders", "unique(id)", "open", "error"),
        ("main.orders", "between(amount)", "open", "warn"),
        ("main.orders", "null(x)", "open", "error"),
    ]
    assert [items[0]["message"], items[2]["message"]] == ["2 unexpected values", "no such column"]
    frame = {"results": results[:1], "meta": {"active_batch_definition": {"data_asset_name": "frame"}}}
    assert items_from_great_expectations(frame)[0]["table"] == "frame"


def test_a_checkpoint_of_great_expectations_is_one_incident_per_table_and_check(mocker: Any) -> None:
    def validation(success: bool, severity: str = "critical") -> dict[str, Any]:
        meta = {"batch_spec": {"table_name": "orders"}}
        return {"results": [_expectation("null", success, "amount", severity)], "meta": meta}

    all_days, today = validation(False), validation(True)
    warned = validation(False, "warning")
    for many in ([all_days, today, warned], [warned, today, all_days]):
        items = items_from_great_expectations(dict(enumerate(many)))
        assert _short(items) == [("orders", "null(amount)", "open", "error")]
    objects = {"id": mocker.Mock(spec=["to_json_dict"], to_json_dict=lambda: all_days), "other": today}
    result = mocker.Mock(spec=["run_results"], run_results=objects)
    assert _short(items_from_great_expectations(result)) == [("orders", "null(amount)", "open", "error")]


@pytest.mark.parametrize("capital", [False, True])
def test_elementarys_rows_count_by_their_latest(capital: bool) -> None:
    row = {
        "test_unique_id": "test.shop.unique_orders_id",
        "test_name": "unique",
        "test_sub_type": "generic",
        "column_name": "id",
        "database_name": "W",
        "schema_name": "main",
        "table_name": "orders",
        "severity": "ERROR",
        "status": "fail",
        "detected_at": "2026-01-01 08:00:00",
        "test_results_description": "Got 2 results",
    }
    volume = {**row, "test_unique_id": "test.shop.volume", "test_name": "volume", "column_name": None, "status": "warn"}
    rows = [
        {**row, "detected_at": "2026-01-02 08:00:00", "status": "pass"},
        row,
        volume,
        {**volume, "status": "skipped"},
    ]
    del rows[3]["detected_at"]
    items = items_from_elementary([{k.upper() if capital else k: v for k, v in one.items()} for one in rows])
    assert sorted(_short(items)) == [
        ("W.main.orders", "unique(id)", "resolved", "error"),
        ("W.main.orders", "volume", "open", "warn"),
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: items_from_soda([]),  # type: ignore[arg-type]
        lambda: items_from_soda({"checks": None}),
        lambda: items_from_great_expectations({"success": True}),
        lambda: items_from_great_expectations({"results": [_expectation("unique", False)]}),
    ],
)
def test_what_is_no_result_of_the_tool_is_refused(make: Any) -> None:
    with pytest.raises(DotUsageError):
        make()


@pytest.mark.parametrize(
    "rows", [None, 5, "rows", [("a", "fail")], {"test_name": "a"}, [{"status": "fail", "test_name": "a"}]]
)
def test_what_is_no_rows_of_elementary_is_refused(rows: Any) -> None:
    with pytest.raises(DotUsageError):
        items_from_elementary(rows)


@pytest.mark.parametrize("result", [None, [], {}, "x"])
def test_what_is_no_validation_is_refused(result: Any) -> None:
    with pytest.raises(DotUsageError):
        items_from_great_expectations(result)


def test_of_two_results_at_one_time_the_failure_counts() -> None:
    row = {"table_name": "orders", "test_name": "a", "test_unique_id": "t"}
    for statuses in (("fail", "pass"), ("pass", "fail")):
        items = items_from_elementary([{**row, "status": status} for status in statuses])
        assert [item["status"] for item in items] == ["open"]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_checks_of_one_name_the_worst_counts(turn: int) -> None:
    def status(*outcomes: str | None) -> list[tuple[str, str]]:
        items = items_from_soda({"checks": [_soda("X", one) for one in outcomes[::turn]]})
        return [(item["status"], item["severity"]) for item in items]

    assert status("warn", "fail", "pass") == [("open", "error")]
    assert status("warn", "pass", None) == [("open", "warn")]
    assert status("pass", None) == []  # one that was not evaluated may have an incident that goes on


@pytest.mark.parametrize(
    ("failed", "passed", "status"),
    [
        ("2026-11-28 10:00:00+00:00", "2026-11-28 11:30:00+02:00", "open"),
        ("2026-11-28T10:00:00", "2026-11-28 23:00:00", "resolved"),
        (datetime(2026, 11, 28, 10), "2026-11-28T09:00:00Z", "open"),
        (None, "2026-11-28T09:00:00Z", "resolved"),
    ],
)
def test_elementarys_times_are_compared_as_moments(failed: Any, passed: Any, status: str) -> None:
    row = {"table_name": "orders", "test_name": "a", "test_unique_id": "t"}
    rows = [{**row, "status": "fail", "detected_at": failed}, {**row, "status": "pass", "detected_at": passed}]
    assert [item["status"] for item in items_from_elementary(rows)] == [status]
    with pytest.raises(DotUsageError, match="detected_at"):
        items_from_elementary([{**row, "status": "fail", "detected_at": "yesterday"}])


def test_a_row_of_elementary_without_a_table_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    singular = {"table_name": None, "test_name": "orders_add_up", "test_unique_id": "s", "status": "fail"}
    row = {"table_name": "orders", "test_name": "a", "test_unique_id": "t", "status": "fail"}
    assert _short(items_from_elementary([singular, row])) == [("orders", "a", "open", "error")]
    assert "orders_add_up" in caplog.text


def test_an_expectation_that_raised_is_not_resolved() -> None:
    one = {"success": True, "exception_info": {"raised_exception": True}, "expectation_config": {"type": "a"}}
    meta = {"batch_spec": {"table_name": "orders"}}
    assert items_from_great_expectations({"meta": meta, "results": [one]}) == []
