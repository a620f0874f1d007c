"""What tools that check data found, as incidents for ``DotClient.report_incidents``: one per check and table.

A check that passed is ``resolved``, so that its incident ends; one that was not evaluated gives nothing, neither an
incident nor an end of one. Tables are named ``database.schema.table`` without quotes, as far as the tool names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import list_of, record_of, text_of
from dot_provider.dbt.results import table_name

Items = list[dict[str, str]]
"""Incidents with ``table``, ``check``, ``status``, ``severity`` and ``message``."""

Severity = Literal["error", "warn"]


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
        if severity == "info" or not isinstance(result.get("success"), bool):
            return None
        seen = f"expected {text_of(result, 'expected') or 'true'}, got {text_of(result, 'actual') or 'nothing'}"
        where = text_of(result, "table") or table or ""
        return _item(where, text_of(result, "name"), not result["success"], _severity(severity), seen)

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
        if outcome not in ("pass", "fail", "warn"):
            return None
        value = text_of(record_of(check, "diagnostics"), "value")
        seen = f"{text_of(check, 'definition', 'name')}{f': {value}' if value else ''}"
        severity: Severity = "warn" if outcome == "warn" else "error"
        return _item(table_of(text_of(check, "table")), text_of(check, "name"), outcome != "pass", severity, seen)

    return _one_each(map(item, _records(scan, "checks", "Scan.get_scan_results()")))


def items_from_great_expectations(result: Mapping[str, Any]) -> Items:
    """Return the incidents of a validation by Great Expectations 1.

    Parameters:
        result: ``to_json_dict()`` of a validation's result. Of a checkpoint's, hand on each of its ``run_results``.

    Raises:
        DotUsageError: this is no such result, or it does not say which table was validated, as ``describe()``.
    """
    records = _records(result, "results", "to_json_dict()")
    meta = record_of(result, "meta")
    spec = record_of(meta, "batch_spec")
    name = text_of(spec, "table_name") or text_of(record_of(meta, "active_batch_definition"), "data_asset_name")
    table = ".".join(filter(None, (text_of(spec, "schema_name"), name)))

    def item(one: Mapping[str, Any]) -> dict[str, str] | None:
        expectation = record_of(one, "expectation_config")
        kwargs, severity = record_of(expectation, "kwargs"), text_of(expectation, "severity").lower()
        raised = record_of(one, "exception_info").get("raised_exception") is True
        if severity == "info" or not isinstance(one.get("success"), bool) or (one["success"] and raised):
            return None
        column = text_of(kwargs, "column")
        check = text_of(expectation, "type", "expectation_type") + (f"({column})" if column else "")
        return _item(table, check, not one["success"], _severity(severity), _seen_by_great_expectations(one))

    return _one_each(map(item, records))


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
            time, one that did not pass counts.

    Raises:
        DotUsageError: these are no rows by name of column, or one names no table.
    """
    latest: dict[tuple[str, ...], Mapping[str, Any]] = {}
    rows = [*rows] if isinstance(rows, Iterable) else [rows]
    if not all(isinstance(row, Mapping) for row in rows):
        raise DotUsageError("rows must be mappings from columns to values, as a cursor of dictionaries gives them.")
    lower = ({str(name).lower(): value for name, value in row.items()} for row in rows)
    for row in sorted(
        lower, key=lambda one: (text_of(one, "detected_at", "created_at"), text_of(one, "status") != "pass")
    ):
        latest[tuple(text_of(row, name) for name in ("test_unique_id", "test_sub_type", "column_name"))] = row

    def item(row: Mapping[str, Any]) -> dict[str, str] | None:
        status, column = text_of(row, "status").lower(), text_of(row, "column_name")
        if status not in ("pass", "fail", "warn", "error"):
            return None
        parts = [text_of(row, f"{part}_name") for part in ("database", "schema", "table")]
        table = ".".join(filter(None, parts)) if parts[-1] else ""
        check = text_of(row, "test_name", "test_unique_id") + (f"({column})" if column else "")
        severity = "warn" if status == "warn" else _severity(text_of(row, "severity").lower())
        return _item(table, check, status != "pass", severity, text_of(row, "test_results_description"))

    return _one_each(map(item, latest.values()))


def _records(holder: Any, name: str, origin: str) -> Iterator[Mapping[str, Any]]:
    if not isinstance(holder, Mapping) or not isinstance(holder.get(name), list):
        raise DotUsageError(f"This is not what {origin} returns: it has no list of {name}.")
    return (one for one in list_of(holder, name) if isinstance(one, Mapping))


def _item(table: str, check: str, is_open: bool, severity: Severity, seen: str) -> dict[str, str]:
    if not table:
        raise DotUsageError(f"table is needed: nothing says which table the check {check[:80]!r} is about.")
    status = "open" if is_open else "resolved"
    said = {"message": " ".join(seen.split())[:500]} if seen.strip() else {}
    return {"table": table_name(table), "check": check or "check", "status": status, "severity": severity, **said}


def _severity(word: str) -> Severity:
    return "warn" if word.startswith("warn") else "error"


def _one_each(items: Iterable[dict[str, str] | None]) -> Items:
    """Return one item per table and check; where two bear one name, one that is open counts."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for item in filter(None, items):
        known = found.setdefault((item["table"], item["check"]), item)
        if known["status"] != "open":
            known.update(item)
    return list(found.values())
