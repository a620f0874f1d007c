"""What Dagster's event log says about failures and their end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import dagster as dg

from dagster_dot.incident_cursor import IncidentCursor, read_check_evaluations

MATERIALIZATION = "materialization"
"""The check under which a failed materialization is reported."""

_LONGEST_MESSAGE = 500
_OF_A_RUN = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.STEP_FAILURE,
}


@dataclass(frozen=True)
class Finding:
    """A failure that began (``open``) or ended (``resolved``)."""

    asset: dg.AssetKey
    check: str
    status: Literal["open", "resolved"]
    severity: Literal["error", "warn"]
    message: str
    run_id: str | None = None


def findings_of_checks(
    instance: dg.DagsterInstance, cursor: IncidentCursor, limit: int, include_dbt: bool
) -> tuple[list[Finding], IncidentCursor]:
    """Return what became of the next ``limit`` evaluated checks: every failure, and passes that end an incident."""
    findings, still_open, last = [], set(cursor.open_checks), cursor.checks
    for record in read_check_evaluations(instance, cursor.checks, limit):
        last = record.storage_id
        evaluation = record.event_log_entry.dagster_event.event_specific_data
        if not include_dbt and any(name.startswith("dagster_dbt/") for name in evaluation.metadata):
            continue
        name = f"{evaluation.asset_key.to_user_string()}\t{evaluation.check_name}"
        if not evaluation.passed:
            findings.append(_of_check(evaluation, "open", record.event_log_entry.run_id))
            still_open.add(name)
        elif name in still_open:
            findings.append(_of_check(evaluation, "resolved", record.event_log_entry.run_id))
            still_open.discard(name)
    return findings, replace(cursor, checks=last, open_checks=frozenset(still_open))


def findings_of_failed_runs(
    instance: dg.DagsterInstance, cursor: IncidentCursor, limit: int
) -> tuple[list[Finding], IncidentCursor]:
    """Return the assets that the next ``limit`` failed runs meant to materialize in a step that failed."""
    changes = instance.fetch_run_status_changes(
        dg.DagsterEventType.RUN_FAILURE, limit=limit, cursor=cursor.runs, ascending=True
    )
    findings, failed_at = [], dict(cursor.open_assets)
    for record in changes.records:
        for finding in _of_run(instance, record.event_log_entry.run_id):
            findings.append(finding)
            failed_at[finding.asset.to_user_string()] = record.event_log_entry.timestamp
    return findings, replace(cursor, runs=changes.cursor or cursor.runs, open_assets=failed_at)


def materialized_since(instance: dg.DagsterInstance, cursor: IncidentCursor) -> tuple[list[Finding], IncidentCursor]:
    """Return the assets that were materialized after the failure that stands open for them."""
    ended = []
    for text, failed_at in cursor.open_assets.items():
        key = dg.AssetKey.from_user_string(text)
        latest = instance.get_latest_materialization_event(key)
        if latest is not None and latest.timestamp > failed_at:
            ended.append(Finding(key, MATERIALIZATION, "resolved", "error", "Materialized again.", latest.run_id))
    left = {
        text: at for text, at in cursor.open_assets.items() if text not in {f.asset.to_user_string() for f in ended}
    }
    return ended, replace(cursor, open_assets=left)


def _of_check(evaluation: Any, status: Literal["open", "resolved"], run_id: str) -> Finding:
    said = evaluation.description or ("The check passed." if status == "resolved" else "The check failed.")
    severity: Literal["error", "warn"] = "error" if evaluation.severity == dg.AssetCheckSeverity.ERROR else "warn"
    return Finding(evaluation.asset_key, evaluation.check_name, status, severity, said[:_LONGEST_MESSAGE], run_id)


def _of_run(instance: dg.DagsterInstance, run_id: str) -> Iterator[Finding]:
    events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=_OF_A_RUN) if entry.dagster_event]
    materialized = {event.asset_key for event in events if event.event_type == _MATERIALIZED}
    causes = {event.step_key: _cause(event) for event in events if event.event_type == _STEP_FAILED}
    for event in events:
        key = event.asset_key
        if event.event_type == _PLANNED and key and event.step_key in causes and key not in materialized:
            yield Finding(key, MATERIALIZATION, "open", "error", causes[event.step_key], run_id)


def _cause(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)[:_LONGEST_MESSAGE]
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return (error.message.strip() if error is not None else "The step failed.")[:_LONGEST_MESSAGE]


_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION
_STEP_FAILED = dg.DagsterEventType.STEP_FAILURE
