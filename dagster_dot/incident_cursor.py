"""How far the incident sensor has read, and which of its incidents are open."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import dagster as dg


@dataclass(frozen=True)
class IncidentCursor:
    """The sensor's whole memory.

    Attributes:
        checks: storage id of the last check evaluation that was read.
        runs: Dagster's own cursor over failed runs, None before the first.
        open_checks: checks with an open incident, as ``asset key`` + tab + ``check name``.
        open_assets: assets with an open incident for a failed materialization, with the time of the failure in
            seconds since the epoch.
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
        checks = read_check_evaluations(instance, None, 1, ascending=False)
        runs = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1)
        return cls(checks[0].storage_id if checks else 0, runs.cursor or None)

    @property
    def text(self) -> str:
        """The cursor as Dagster stores it."""
        return json.dumps({**asdict(self), "open_checks": sorted(self.open_checks)})

    @property
    def position(self) -> tuple[int, str | None]:
        """Where it stands in the event log."""
        return self.checks, self.runs


def read_check_evaluations(
    instance: dg.DagsterInstance, after: int | None, limit: int, *, ascending: bool = True
) -> list[Any]:
    """Return records of check evaluations behind the storage id ``after``.

    Dagster has announced to replace ``get_event_records`` in 2.0, but nothing else lists evaluations of all checks.
    """
    events = dg.EventRecordsFilter(event_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION, after_cursor=after)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(instance.get_event_records(events, limit=limit, ascending=ascending))
