"""What happened in Dagster that is an incident: failed checks, failed materializations, late assets, and their end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from dagster_dot.dagster_internals import last_event_id, read_check_evaluations

Status = Literal["open", "resolved"]
Severity = Literal["error", "warn"]


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
        stale: assets with an open incident for their freshness policy, with the state that was reported.
        tables: the tables that open incidents were reported under, by their names as in the fields above.
    """

    checks: int
    runs: str | None
    open_checks: frozenset[str] = frozenset()
    open_assets: Mapping[str, float] = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None) -> IncidentCursor | None:
        """Return the cursor that ``text`` holds; None where there is none, or none of ours."""
        try:
            return TypeAdapter(cls).validate_json(text or "")
        except ValidationError:
            return None

    @classmethod
    def at_present(cls, instance: dg.DagsterInstance) -> IncidentCursor:
        """Return the cursor of a sensor that has seen everything up to now."""
        runs = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1)
        return cls(last_event_id(instance), runs.cursor or None)

    def within(self, instance: dg.DagsterInstance) -> IncidentCursor:
        """Return this cursor, or the present where it stands behind the end of the event log.

        SQLite gives the numbers of wiped events anew, and another storage counts from one.
        """
        if self.checks <= last_event_id(instance):
            return self
        present = self.at_present(instance)
        return replace(self, checks=present.checks, runs=present.runs)

    @property
    def text(self) -> str:
        """The cursor as Dagster stores it."""
        return json.dumps({**asdict(self), "open_checks": sorted(self.open_checks)})

    @property
    def position(self) -> tuple[int, str | None]:
        """Where it stands in the event log."""
        return self.checks, self.runs


MATERIALIZATION = "materialization"
"""The check under which a failed materialization is reported."""

FRESHNESS = "freshness"
"""The check under which an asset is reported that its freshness policy calls late."""

_LONGEST_MESSAGE = 500
_PAGE = 1000
_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION
_STEP_FAILED, _STEP_DONE = dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_SUCCESS
_SAID = {"open": "The check failed.", "resolved": "The check passed."}


@dataclass(frozen=True)
class IncidentEvent:
    """A failure that began (``open``) or ended (``resolved``)."""

    asset: dg.AssetKey
    check: str
    status: Status
    severity: Severity
    message: str
    run_id: str | None = None
    partition: str | None = None

    @property
    def name(self) -> str:
        """What Dot is told as the check: each partition has an incident of its own, ``has_rows[2026-01-31]``."""
        return self.check if self.partition is None else f"{self.check}[{self.partition}]"

    @property
    def key(self) -> str:
        """What names the incident here, whatever its table is called."""
        return _joined(self.asset.to_user_string(), self.check, self.partition)


def events_of_freshness(
    states: Mapping[dg.AssetKey, str], cursor: IncidentCursor
) -> tuple[list[IncidentEvent], IncidentCursor]:
    """Return what became late, or fresh again, since the cursor; what is not known yet stays as it was.

    An asset that has lost its policy, or is no longer here, is watched no more.
    """
    now = {key.to_user_string(): state for key, state in states.items()}
    events: list[IncidentEvent] = []
    stale = dict(cursor.stale)
    for name in sorted({*now, *stale}):
        key, state = dg.AssetKey.from_user_string(name), now.get(name, "PASS")
        if state in ("WARN", "FAIL") and stale.get(name) != state:
            severity: Severity = "warn" if state == "WARN" else "error"
            events.append(
                IncidentEvent(key, FRESHNESS, "open", severity, "It is older than its freshness policy allows.")
            )
            stale[name] = state
        elif state == "PASS" and name in stale:
            said = "It is fresh again." if name in now else "It has no freshness policy here any more."
            events.append(IncidentEvent(key, FRESHNESS, "resolved", "error", said))
            del stale[name]
    return events, replace(cursor, stale=stale)


def events_of_checks(
    instance: dg.DagsterInstance, cursor: IncidentCursor, limit: int, include_dbt: bool
) -> tuple[list[IncidentEvent], IncidentCursor]:
    """Return what became of the next ``limit`` evaluated checks: every failure, and passes that end an incident."""
    events, still_open, last = [], set(cursor.open_checks), cursor.checks
    for last, entry in read_check_evaluations(instance, cursor.checks, limit):  # noqa: B007 - the last one is the cursor
        evaluation: Any = entry.get_dagster_event().event_specific_data
        if not include_dbt and any(name.startswith("dagster_dbt/") for name in evaluation.metadata):
            continue
        asset, check = evaluation.asset_key, evaluation.check_name
        partition = getattr(evaluation, "partition", None)  # since Dagster 1.13
        name = _joined(asset.to_user_string(), check, partition)
        if evaluation.passed and name not in still_open:
            continue
        (still_open.discard if evaluation.passed else still_open.add)(name)
        status: Status = "resolved" if evaluation.passed else "open"
        severity: Severity = "error" if evaluation.severity == dg.AssetCheckSeverity.ERROR else "warn"
        said = (evaluation.description or _SAID[status])[:_LONGEST_MESSAGE]
        events.append(IncidentEvent(asset, check, status, severity, said, entry.run_id, partition))
    return events, replace(cursor, checks=last, open_checks=frozenset(still_open))


def events_of_failed_runs(
    instance: dg.DagsterInstance, cursor: IncidentCursor, limit: int
) -> tuple[list[IncidentEvent], IncidentCursor]:
    """Return what the next ``limit`` failed runs meant to materialize in a step that failed.

    Where no step failed, because the run's process was lost or never started, that is all that it did not materialize.
    """
    changes = instance.fetch_run_status_changes(
        dg.DagsterEventType.RUN_FAILURE, limit=limit, cursor=cursor.runs, ascending=True
    )
    events, failed_at = [], dict(cursor.open_assets)
    for record in changes.records:
        for event, at in _of_run(instance, record.event_log_entry):
            events.append(event)
            failed_at[_joined(event.asset.to_user_string(), event.partition)] = at
    return events, replace(cursor, runs=changes.cursor or cursor.runs, open_assets=failed_at)


def materialized_since(
    instance: dg.DagsterInstance, cursor: IncidentCursor
) -> tuple[list[IncidentEvent], IncidentCursor]:
    """Return the assets, or partitions, that were materialized after the failure that stands open for them."""
    failures: dict[str, dict[str | None, float]] = {}
    for name, at in cursor.open_assets.items():
        asset, _, partition = name.partition("\t")
        failures.setdefault(asset, {})[partition or None] = at
    ended, left = [], dict(cursor.open_assets)
    for asset, failed_at in failures.items():
        key, said = dg.AssetKey.from_user_string(asset), "Materialized again."
        for part, run_id in _materialized(instance, key, failed_at).items():
            ended.append(IncidentEvent(key, MATERIALIZATION, "resolved", "error", said, run_id, part))
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


def _of_run(instance: dg.DagsterInstance, failure: dg.EventLogEntry) -> Iterator[tuple[IncidentEvent, float]]:
    """Yield what a failed run did not materialize, with the time at which its step failed."""
    run_id = failure.run_id
    entries = [
        entry
        for entry in instance.all_logs(run_id, of_type={_PLANNED, _MATERIALIZED, _STEP_FAILED, _STEP_DONE})
        if entry.dagster_event
    ]
    events = [entry.get_dagster_event() for entry in entries]
    materialized = {(event.asset_key, event.partition) for event in events if event.event_type == _MATERIALIZED}
    causes = {
        event.step_key: (f"Step {event.step_key} failed in run {run_id}.", entry.timestamp)
        for event, entry in zip(events, entries, strict=True)
        if event.event_type == _STEP_FAILED
    }
    # A step that leaves a question open is done, too.
    done = {event.step_key for event in events if event.event_type == _STEP_DONE}
    of_the_run = f"Run {run_id} failed.", failure.timestamp
    for event in events:
        if event.event_type != _PLANNED or event.step_key in done or (causes and event.step_key not in causes):
            continue
        planned, (cause, at) = event.asset_materialization_planned_data, causes.get(event.step_key, of_the_run)
        partitions: Any = planned.partitions_subset.get_partition_keys() if planned.partitions_subset else None
        for partition in partitions or [planned.partition]:
            if (planned.asset_key, partition) not in materialized:
                yield IncidentEvent(planned.asset_key, MATERIALIZATION, "open", "error", cause, run_id, partition), at


def _joined(*parts: str | None) -> str:
    return "\t".join(part for part in parts if part is not None)
