"""A sensor that shows failed checks and failed materializations on Dot's tables, and clears them when they pass."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from dagster_dot.asset_options import plain
from dagster_dot.components.base import DotFields
from dagster_dot.components.scaffolding import Text, dot_component
from dagster_dot.dagster_internals import last_event_id, read_check_evaluations
from dagster_dot.resource import RESOURCE_KEY, quick_client
from dot_provider.api import DotError
from dot_provider.api.arguments import checked_text

BATCH = 200
"""Check evaluations that are read at a time, and incidents that one request reports."""

RUNS = 20
"""Failed runs that are read at a time, each of which may have meant to materialize many assets."""

SHOWN = 10
"""Incidents that a tick names."""

TIME_BUDGET = 40.0
"""Seconds after which a tick stops and leaves the rest to the next one; Dagster ends a tick after 60."""

TableOf = Callable[[dg.AssetKey], str]
Status = Literal["open", "resolved"]
Severity = Literal["error", "warn"]


def build_dot_incident_sensor(
    *,
    source: str = "dagster",
    name: str = "dot_incidents",
    include_dbt: bool = False,
    table_of: TableOf | None = None,
    webserver_url: str | None = None,
    minimum_interval_seconds: int = 60,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.STOPPED,
    resource_key: str = RESOURCE_KEY,
) -> dg.SensorDefinition:
    """Build the sensor that reports incidents: each failure once, and its end when the check passes.

    ``POST /quality/incidents``; needs an admin's token. A failed asset check neither fails its run nor triggers a hook,
    so the sensor reads the event log, from where its cursor stands. While Dot cannot be reached the cursor stays, and
    nothing is lost. The first tick starts at the present. Partitions have incidents of their own, with the partition's
    key behind the check's name. Dagster shows a tick that starts no run as "Skipped"; its reason tells what was done.

    Args:
        source: who reports; Dot keeps the incidents of each source apart.
        name: name of the sensor.
        include_dbt: True to report dbt's tests and models as well; ``report_dbt_run`` reports them better.
        table_of: returns the name of an asset's table in the warehouse. By default its ``dagster/table_name`` metadata,
            else its key with dots.
        webserver_url: where people open Dagster, for the link of an incident to its run.
        minimum_interval_seconds: seconds between two ticks.
        default_status: whether the sensor runs as soon as the code location is loaded.
        resource_key: where the ``DotResource`` is found.

    Examples:
        >>> build_dot_incident_sensor(webserver_url="https://dagster.example.com")
    """
    checked_text("source", source)

    @dg.sensor(
        name=name,
        required_resource_keys={resource_key},
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description="Reports failed asset checks and materializations to Dot, and their end.",
    )
    def dot_incidents(context):  # type: ignore[no-untyped-def] # Dagster reads annotations, which are text here
        cursor = IncidentCursor.read(context.cursor)
        if cursor is None:
            context.update_cursor(IncidentCursor.at_present(context.instance).text)
            return dg.SkipReason("Watching from now on.")
        client = quick_client(getattr(context.resources, resource_key))
        tables = table_of or _table_names(context.repository_def)
        deadline = time.monotonic() + TIME_BUDGET
        sent: list[dict[str, Any]] = []
        for events, reached in _batches(context, cursor.within(context.instance), include_dbt):
            items = [_item(event, tables, webserver_url) for event in events]
            try:
                for first in range(0, len(items), BATCH):
                    client.report_incidents(source, items[first : first + BATCH])
            except DotError as error:
                if not error.retryable:
                    raise
                waiting = f"{len(items)} incidents wait for the next tick: {error}"
                return dg.SkipReason(f"{_done(sent)} {waiting}" if sent else waiting)
            sent += items
            context.update_cursor(reached.text)
            if time.monotonic() >= deadline:
                break
        return dg.SkipReason(_done(sent) if sent else "No check or asset changed.")

    return dot_incidents


def _batches(
    context: dg.SensorEvaluationContext, cursor: IncidentCursor, include_dbt: bool
) -> Iterator[tuple[list[IncidentEvent], IncidentCursor]]:
    """Yield what there is to report, with the cursor that stands behind it."""
    graph = context.repository_def.asset_graph if context.repository_def else None

    def watched(event: IncidentEvent) -> bool:
        if include_dbt or event.check != MATERIALIZATION or graph is None or not graph.has(event.asset):
            return True
        return "dbt" not in graph.get(event.asset).kinds

    while True:
        before = cursor
        checks, cursor = events_of_checks(context.instance, cursor, BATCH, include_dbt)
        runs, cursor = events_of_failed_runs(context.instance, cursor, RUNS)
        ended, cursor = materialized_since(context.instance, cursor)
        yield [event for event in [*checks, *runs, *ended] if watched(event)], cursor
        if cursor.position == before.position:
            return


def _done(items: Sequence[dict[str, Any]]) -> str:
    """Return what Dot was told, for the reason that Dagster shows of a tick without runs."""
    shown = [f"{item['table']} {item['check']} {item['status']}" for item in items[:SHOWN]]
    more = [f"{len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return f"Reported to Dot: {', '.join(shown + more)}."


def _table_names(repository: dg.RepositoryDefinition | None) -> TableOf:
    def table_of(key: dg.AssetKey) -> str:
        graph = repository.asset_graph if repository else None
        metadata = graph.get(key).metadata if graph is not None and graph.has(key) else {}
        return str(plain(metadata.get("dagster/table_name")) or ".".join(key.path))

    return table_of


def _item(event: IncidentEvent, table_of: TableOf, webserver_url: str | None) -> dict[str, Any]:
    item = {
        "table": table_of(event.asset),
        "check": event.name,
        "status": event.status,
        "severity": event.severity,
        "message": event.message,
    }
    if webserver_url and event.run_id:
        item["url"] = f"{webserver_url.rstrip('/')}/runs/{event.run_id}"
    return item


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

    checks: int
    runs: str | None
    open_checks: frozenset[str] = frozenset()
    open_assets: Mapping[str, float] = field(default_factory=dict)

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
        return replace(self.at_present(instance), open_checks=self.open_checks, open_assets=self.open_assets)

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

_LONGEST_MESSAGE = 500
_PAGE = 1000
_PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
_MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION
_STEP_FAILED = dg.DagsterEventType.STEP_FAILURE
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
        for entry in instance.all_logs(run_id, of_type={_PLANNED, _MATERIALIZED, _STEP_FAILED})
        if entry.dagster_event
    ]
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
                yield IncidentEvent(planned.asset_key, MATERIALIZATION, "open", "error", cause, run_id, partition), at


def _joined(*parts: str | None) -> str:
    return "\t".join(part for part in parts if part is not None)


def _cause(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)[:_LONGEST_MESSAGE]
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return (error.message.strip() if error is not None else "The step failed.")[:_LONGEST_MESSAGE]


@dot_component("Dot: report incidents", scaffold={"source": "dagster", "webserver_url": (Text | None, None)})
class DotIncidentsComponent(DotFields, dg.Component, dg.Model):
    """A sensor that shows failed checks and materializations as incidents on Dot's tables, and their end."""

    produces: ClassVar = ("sensor",)
    builder: ClassVar = build_dot_incident_sensor

    source: str = "dagster"
    name: str = "dot_incidents"
    include_dbt: bool = False
    webserver_url: str | None = None
    minimum_interval_seconds: int = 60
    running: Annotated[bool, "Whether the sensor runs as soon as the code location is loaded."] = True
    resource_key: str = RESOURCE_KEY

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the sensor."""
        status = dg.DefaultSensorStatus.RUNNING if self.running else dg.DefaultSensorStatus.STOPPED
        return dg.Definitions(sensors=[build_dot_incident_sensor(default_status=status, **self.arguments())])
