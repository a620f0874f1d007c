"""What Dagster's event log says about failures and their end, and how far a sensor has read it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import dagster as dg


@dataclass(frozen=True)
class IncidentCursor:
    """The sensor's whole memory.

    Attributes:
        checks: storage id of the last check evaluation that was read.
        runs: Dagster's own cursor over failed runs, None before the first.
        open_checks: checks with an open incident, as ``asset key``, ``check name`` and, where there is one,
            ``partition``, with tabs between.
        open_assets: assets with an open incident for a failed materialization, as ``asset key`` and, where there is
            one, ``partition``, with a tab between; with the time of the failure in seconds since the epoch.
    """

    checks: int = 0
    runs: str | None = None
    open_checks: frozenset[str] = frozenset()
    open_assets: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> IncidentCursor | None:
        """Return the cursor that ``text`` holds; None where there is none, or none of ours."""
        try:
            stored = json.loads(text or "")
            return cls(
                int(stored["checks"]),
                stored["runs"],
                frozenset(stored["open_checks"]),
                {str(key): float(at) for key, at in stored["open_assets"].items()},
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None

    @classmethod
    def at_present(cls, instance: dg.DagsterInstance) -> IncidentCursor:
        """Return the cursor of a sensor that has seen everything up to now."""
        runs = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1)
        return cls(_last_id(instance), runs.cursor or None)

    def within(self, instance: dg.DagsterInstance) -> IncidentCursor:
        """Return this cursor, or the present where it stands behind the end of the event log.

        SQLite gives the numbers of wiped events anew, and another storage counts from one.
        """
        if self.checks <= _last_id(instance):
            return self
        return replace(self.at_present(instance), open_checks=self.open_checks, open_assets=self.open_assets)

    @property
    def text(self) -> str:
        """The cursor as Dagster stores it."""
        return json.dumps({**asdict(self), "open_checks": sorted(self.open_checks)})

    @property
    def position(self) -> tuple[int, str | None]:
        """Where it stands in the event log."""
        return self.checks, self.runs


def read_check_evaluations(instance: dg.DagsterInstance, after: int, limit: int) -> list[tuple[int, dg.EventLogEntry]]:
    """Return evaluations of all checks behind the storage id ``after``, in their order, each with its id."""
    kind, storage = dg.DagsterEventType.ASSET_CHECK_EVALUATION, instance.event_log_storage
    if storage.is_run_sharded:
        # Default SQLite storage: a file for each run, and one that holds the evaluations of all. Only this method reads
        # the latter in order; get_event_records would open the runs' files one by one and takes no id.
        return list(storage.get_logs_for_all_runs_by_log_id(after, kind, limit).items())
    # Dagster has announced to replace get_event_records in 2.0, but nothing else lists evaluations in Dagster+.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = instance.get_event_records(dg.EventRecordsFilter(kind, after_cursor=after), limit, ascending=True)
    return [(record.storage_id, record.event_log_entry) for record in found]


def _last_id(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_maximum_record_id() or 0


MATERIALIZATION = "materialization"
"""The check under which a failed materialization is reported."""

_LONGEST_MESSAGE = 500
_PAGE = 1000
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
    partition: str | None = None

    @property
    def name(self) -> str:
        """What Dot is told as the check: each partition has an incident of its own, ``has_rows[2026-01-31]``."""
        return self.check if self.partition is None else f"{self.check}[{self.partition}]"


def findings_of_checks(
    instance: dg.DagsterInstance, cursor: IncidentCursor, limit: int, include_dbt: bool
) -> tuple[list[Finding], IncidentCursor]:
    """Return what became of the next ``limit`` evaluated checks: every failure, and passes that end an incident."""
    findings, still_open, last = [], set(cursor.open_checks), cursor.checks
    for last, entry in read_check_evaluations(instance, cursor.checks, limit):  # noqa: B007 - the last one is the cursor
        evaluation: Any = entry.get_dagster_event().event_specific_data
        if not include_dbt and any(name.startswith("dagster_dbt/") for name in evaluation.metadata):
            continue
        name = _joined(evaluation.asset_key.to_user_string(), evaluation.check_name, _partition(evaluation))
        if not evaluation.passed:
            findings.append(_of_check(evaluation, "open", entry.run_id))
            still_open.add(name)
        elif name in still_open:
            findings.append(_of_check(evaluation, "resolved", entry.run_id))
            still_open.discard(name)
    return findings, replace(cursor, checks=last, open_checks=frozenset(still_open))


def findings_of_failed_runs(
    instance: dg.DagsterInstance, cursor: IncidentCursor, limit: int
) -> tuple[list[Finding], IncidentCursor]:
    """Return what the next ``limit`` failed runs meant to materialize in a step that failed.

    Where no step failed, because the run's process was lost or never started, that is all that it did not materialize.
    """
    changes = instance.fetch_run_status_changes(
        dg.DagsterEventType.RUN_FAILURE, limit=limit, cursor=cursor.runs, ascending=True
    )
    findings, failed_at = [], dict(cursor.open_assets)
    for record in changes.records:
        for finding, at in _of_run(instance, record.event_log_entry):
            findings.append(finding)
            failed_at[_joined(finding.asset.to_user_string(), finding.partition)] = at
    return findings, replace(cursor, runs=changes.cursor or cursor.runs, open_assets=failed_at)


def materialized_since(instance: dg.DagsterInstance, cursor: IncidentCursor) -> tuple[list[Finding], IncidentCursor]:
    """Return the assets, or partitions, that were materialized after the failure that stands open for them."""
    failures: dict[str, dict[str | None, float]] = {}
    for name, at in cursor.open_assets.items():
        asset, _, partition = name.partition("\t")
        failures.setdefault(asset, {})[partition or None] = at
    ended, left = [], dict(cursor.open_assets)
    for asset, failed_at in failures.items():
        key, said = dg.AssetKey.from_user_string(asset), "Materialized again."
        for part, run_id in _materialized(instance, key, failed_at).items():
            ended.append(Finding(key, MATERIALIZATION, "resolved", "error", said, run_id, part))
            del left[_joined(asset, part)]
    return ended, replace(cursor, open_assets=left)


def _materialized(
    instance: dg.DagsterInstance, key: dg.AssetKey, failed_at: Mapping[str | None, float]
) -> dict[str | None, str]:
    """Return those of an asset's failed partitions that were materialized since, with the run that did."""
    partitions = None if None in failed_at else [name for name in failed_at if name is not None]
    wanted = dg.AssetRecordsFilter(key, partitions, after_timestamp=min(failed_at.values()))
    found: dict[str | None, str] = {}
    for record in instance.fetch_materializations(wanted, limit=_PAGE).records:  # what is left is of the next tick
        for name in {None, record.partition_key} & set(failed_at):
            if record.timestamp > failed_at[name]:
                found.setdefault(name, record.run_id)
    return found


def _of_check(evaluation: Any, status: Literal["open", "resolved"], run_id: str) -> Finding:
    said = evaluation.description or ("The check passed." if status == "resolved" else "The check failed.")
    severity: Literal["error", "warn"] = "error" if evaluation.severity == dg.AssetCheckSeverity.ERROR else "warn"
    key, check, partition = evaluation.asset_key, evaluation.check_name, _partition(evaluation)
    return Finding(key, check, status, severity, said[:_LONGEST_MESSAGE], run_id, partition)


def _of_run(instance: dg.DagsterInstance, failure: dg.EventLogEntry) -> Iterator[tuple[Finding, float]]:
    """Yield what a failed run did not materialize, with the time at which its step failed."""
    run_id = failure.run_id
    entries = [entry for entry in instance.all_logs(run_id, of_type=_OF_A_RUN) if entry.dagster_event]
    events = [entry.get_dagster_event() for entry in entries]
    materialized = {(event.asset_key, event.partition) for event in events if event.event_type == _MATERIALIZED}
    causes = {
        event.step_key: (_cause(event), entry.timestamp)
        for event, entry in zip(events, entries, strict=True)
        if event.event_type == _STEP_FAILED
    }
    of_the_run = (failure.get_dagster_event().message or "The run failed.")[:_LONGEST_MESSAGE], failure.timestamp
    for event in events:
        if event.event_type != _PLANNED or (causes and event.step_key not in causes):
            continue
        planned, (cause, at) = event.asset_materialization_planned_data, causes.get(event.step_key, of_the_run)
        partitions: Any = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else None
        for partition in partitions or [planned.partition]:
            if (planned.asset_key, partition) not in materialized:
                yield Finding(planned.asset_key, MATERIALIZATION, "open", "error", cause, run_id, partition), at


def _joined(*parts: str | None) -> str:
    return "\t".join(part for part in parts if part is not None)


def _partition(evaluation: Any) -> str | None:
    return getattr(evaluation, "partition", None)  # since Dagster 1.13


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
