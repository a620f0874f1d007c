"""What tools that check data found, as incidents for ``DotClient.report_incidents``: one per check and table.

A check that passed is ``resolved``, so that its incident ends; one that was not evaluated gives nothing, neither an
incident nor an end of one. Where several bear one name on one table, the worst counts. Tables are named
``database.schema.table`` without quotes, as far as the tool names them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from dot_provider.api.arguments import checked_moment
from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import list_of, record_of, text_of
from dot_provider.dbt.results import table_name

Items = list[dict[str, str]]
"""Incidents with ``table``, ``check``, ``status``, ``severity`` and ``message``."""

Severity = Literal["error", "warn"]

_log = logging.getLogger("dot_provider")


def items_from_sql_checks(results: Iterable[Any], table: str | None = None) -> Items:
    """Return the incidents of Airflow's SQL checks, such as ``SQLColumnCheckOperator``.

    Parameters:
        results: ``check_results`` of the operator, which common-sql 2.4 and newer keep, also where they fail the task.
        table: the table of checks that name none, such as ``SQLCheckOperator``'s.

    Raises:
        DotUsageError: neither a result nor ``table`` names the table.
    """

    def item(result: Mapping[str, Any]) -> dict[str, str] | None:
        severity = text_of(result, "severity").lower()
        if severity == "info":
            return None
        seen = f"expected {text_of(result, 'expected') or 'true'}, got {text_of(result, 'actual') or 'nothing'}"
        where = text_of(result, "table") or table or ""
        return _item(where, text_of(result, "name"), _passed(result), _severity(severity), seen)

    return _one_each(item(one if isinstance(one, Mapping) else vars(one)) for one in results)


def items_from_soda(scan: Mapping[str, Any], table_of: Callable[[str], str] = str) -> Items:
    """Return the incidents of a scan of Soda 3.

    Parameters:
        scan: what ``Scan.get_scan_results()`` returned.
        table_of: returns the full name of a table, which Soda knows by its last part.

    Raises:
        DotUsageError: this is no result of a scan.
    """

    def item(check: Mapping[str, Any]) -> dict[str, str] | None:
        outcome = text_of(check, "outcome").lower()
        passed = outcome == "pass" if outcome in ("pass", "fail", "warn") else None
        value = text_of(record_of(check, "diagnostics"), "value")
        seen = f"{text_of(check, 'definition', 'name')}{f': {value}' if value else ''}"
        return _item(table_of(text_of(check, "table")), text_of(check, "name"), passed, _severity(outcome), seen)

    return _one_each(map(item, _records(scan, "checks", "Scan.get_scan_results()")))


def items_from_great_expectations(result: Any) -> Items:
    """Return the incidents of a validation or a checkpoint of Great Expectations 1.

    Parameters:
        result: what ``run()`` of a validation definition or a checkpoint returned, or of a validation its
            ``to_json_dict()``, of a checkpoint its ``run_results``.

    Raises:
        DotUsageError: this is no such result, or it does not say which table was validated, as ``describe()``.
    """
    result = getattr(result, "run_results", result)
    # A checkpoint's are validations by their ids.
    validations = [*result.values()] if isinstance(result, Mapping) and "results" not in result else [result]
    return _one_each(item for one in validations or [result] for item in _validated(one))


def _validated(result: Any) -> Iterator[dict[str, str] | None]:
    result = result.to_json_dict() if hasattr(result, "to_json_dict") else result
    records = _records(result, "results", "run() of a validation definition or a checkpoint")
    meta = record_of(result, "meta")
    spec = record_of(meta, "batch_spec")
    name = text_of(spec, "table_name") or text_of(record_of(meta, "active_batch_definition"), "data_asset_name")
    table = ".".join(filter(None, (text_of(spec, "schema_name"), name)))
    for one in records:
        expectation = record_of(one, "expectation_config")
        severity, column = text_of(expectation, "severity").lower(), text_of(record_of(expectation, "kwargs"), "column")
        raised = record_of(one, "exception_info").get("raised_exception") is True
        if severity != "info":
            passed = None if raised and one.get("success") is True else _passed(one)
            check = text_of(expectation, "type", "expectation_type") + (f"({column})" if column else "")
            yield _item(table, check, passed, _severity(severity), _seen_by_great_expectations(one))


def _seen_by_great_expectations(one: Mapping[str, Any]) -> str:
    result, raised = record_of(one, "result"), record_of(one, "exception_info")
    raised = next((inner for inner in raised.values() if isinstance(inner, Mapping)), raised)
    if error := text_of(raised, "exception_message"):
        return error
    unexpected = text_of(result, "unexpected_count")
    return f"{unexpected} unexpected values" if unexpected else text_of(result, "observed_value")


def items_from_elementary(rows: Iterable[Mapping[str, Any]]) -> Items:
    """Return the incidents of Elementary, of each test its latest result.

    Parameters:
        rows: of its table ``elementary_test_results``, in any order; names of columns may be in capitals. Of two at one
            time, one that did not pass counts. A row without a table, of a test of several, is left out and logged.

    Raises:
        DotUsageError: these are no rows of that table by name of column, or ``detected_at`` of one is no moment.
    """
    rows = [*rows] if isinstance(rows, Iterable) else [rows]
    if not all(isinstance(row, Mapping) for row in rows):
        raise DotUsageError("rows must be mappings from columns to values, as a cursor of dictionaries gives them.")
    lower = [{str(name).lower(): value for name, value in row.items()} for row in rows]
    if not all("table_name" in row for row in lower):
        raise DotUsageError("rows must be of the table elementary_test_results: one has no column table_name.")
    if nowhere := sorted({_test_name(row) for row in lower if not text_of(row, "table_name")}):
        _log.warning("Left out, as Elementary names no table: %s", ", ".join(nowhere))

    def age(row: Mapping[str, Any]) -> tuple[str, bool]:
        moment = text_of(row, "detected_at", "created_at")  # in UTC where it names no zone
        written = checked_moment("detected_at", moment).isoformat(timespec="microseconds") if moment else ""
        return written, text_of(row, "status") != "pass"

    latest: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in sorted((row for row in lower if text_of(row, "table_name")), key=age):
        latest[tuple(text_of(row, name) for name in ("test_unique_id", "test_sub_type", "column_name"))] = row

    def item(row: Mapping[str, Any]) -> dict[str, str] | None:
        status = text_of(row, "status").lower()
        passed = status == "pass" if status in ("pass", "fail", "warn", "error") else None
        table = ".".join(filter(None, (text_of(row, f"{part}_name") for part in ("database", "schema", "table"))))
        severity = _severity(status if status == "warn" else text_of(row, "severity").lower())
        return _item(table, _test_name(row), passed, severity, text_of(row, "test_results_description"))

    return _one_each(map(item, latest.values()))


def _test_name(row: Mapping[str, Any]) -> str:
    column = text_of(row, "column_name")
    return text_of(row, "test_name", "test_unique_id") + (f"({column})" if column else "")


def _records(holder: Any, name: str, origin: str) -> Iterator[Mapping[str, Any]]:
    if not isinstance(holder, Mapping) or not isinstance(holder.get(name), list):
        raise DotUsageError(f"This is not what {origin} returns: it has no list of {name}.")
    return (one for one in list_of(holder, name) if isinstance(one, Mapping))


def _passed(result: Mapping[str, Any]) -> bool | None:
    return success if isinstance(success := result.get("success"), bool) else None


def _item(table: str, check: str, passed: bool | None, severity: Severity, seen: str) -> dict[str, str] | None:
    if not table and passed is None:
        return None
    if not table:
        raise DotUsageError(f"table is needed: nothing says which table the check {check[:80]!r} is about.")
    status = "not evaluated" if passed is None else "resolved" if passed else "open"
    said = {"message": " ".join(seen.split())[:500]} if seen.strip() else {}
    return {"table": table_name(table), "check": check or "check", "status": status, "severity": severity, **said}


def _severity(word: str) -> Severity:
    return "warn" if word.startswith("warn") else "error"


def _one_each(items: Iterable[dict[str, str] | None]) -> Items:
    """Return one item per table and check, the worst; one that was not evaluated lets none of its name end."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for item in filter(None, items):
        key = item["table"], item["check"]
        found[key] = max(found.get(key, item), item, key=_badness)
    return [item for item in found.values() if item["status"] != "not evaluated"]


def _badness(item: Mapping[str, str]) -> tuple[int, bool]:
    return ("resolved", "not evaluated", "open").index(item["status"]), item["severity"] == "error"
