"""How far the incident sensor has read, and which of its incidents are open."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

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
