"""A sensor that shows failed checks, failed materializations and late assets on Dot's tables, and clears them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import dagster as dg

from dagster_dot.asset_options import plain
from dagster_dot.components.base import DotFields
from dagster_dot.components.scaffolding import WebAddress, dot_component
from dagster_dot.dagster_internals import freshness_states
from dagster_dot.incident_events import (
    MATERIALIZATION,
    IncidentCursor,
    IncidentEvent,
    events_of_checks,
    events_of_failed_runs,
    events_of_freshness,
    materialized_since,
)
from dagster_dot.resource import RESOURCE_KEY, quick_client
from dot_provider.api import DotError, DotValidationError
from dot_provider.api.arguments import checked_flag, checked_text

if TYPE_CHECKING:
    from dot_provider.api import DotClient

BATCH = 200
"""Check evaluations that are read at a time, and incidents that one request reports."""

RUNS = 20
"""Failed runs that are read at a time, each of which may have meant to materialize many assets."""

SHOWN = 10
"""Incidents that a tick names."""

TIME_BUDGET = 40.0
"""Seconds after which a tick stops and leaves the rest to the next one; Dagster ends a tick after 60."""

TableOf = Callable[[dg.AssetKey], str]


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
    key behind the check's name. An asset that is late by its freshness policy has an incident ``freshness``; Dagster
    evaluates policies where its ``dagster.yaml`` says ``freshness: {enabled: true}``. Dagster shows a tick that starts
    no run as "Skipped"; its reason tells what was done.

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
    include_dbt = checked_flag("include_dbt", include_dbt)

    @dg.sensor(
        name=name,
        required_resource_keys={resource_key},
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description="Reports failed checks and materializations, and late assets, to Dot, and their end.",
    )
    def dot_incidents(context):  # type: ignore[no-untyped-def] # Dagster reads annotations, which are text here
        cursor = IncidentCursor.read(context.cursor)
        if cursor is None:
            context.update_cursor(IncidentCursor.at_present(context.instance).text)
            return dg.SkipReason("Watching from now on.")
        client = quick_client(getattr(context.resources, resource_key))
        tables = table_of or _table_names(context.repository_def)
        deadline = time.monotonic() + TIME_BUDGET
        sent, opened = list[dict[str, Any]](), dict(cursor.tables)
        for events, reached in _batches(context, cursor.within(context.instance), include_dbt):
            items = [item for event in events for item in _items_of(event, opened, tables, webserver_url)]
            try:
                for first in range(0, len(items), BATCH):
                    _report(client, source, items[first : first + BATCH], context.log)
            except DotError as error:
                if not error.retryable:
                    raise
                waiting = f"{len(items)} incidents wait for the next tick: {error}"
                return dg.SkipReason(f"{_done(sent)} {waiting}" if sent else waiting)
            sent += items
            context.update_cursor(replace(reached, tables=opened).text)
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

    states = {} if graph is None else freshness_states(context.instance, graph)
    while True:
        before = cursor
        checks, cursor = events_of_checks(context.instance, cursor, BATCH, include_dbt)
        runs, cursor = events_of_failed_runs(context.instance, cursor, RUNS)
        ended, cursor = materialized_since(context.instance, cursor)
        stale, cursor = events_of_freshness(states, cursor)
        yield [event for event in [*checks, *runs, *ended, *stale] if watched(event)], cursor
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


def _items_of(
    event: IncidentEvent, opened: dict[str, str], table_of: TableOf, webserver_url: str | None
) -> Iterator[dict[str, Any]]:
    """Yield what Dot is told; an incident ends under the table that it began under, which ``opened`` knows."""
    table = table_of(event.asset)
    before = opened.pop(event.key, table)
    item = {"check": event.name, "severity": event.severity, "message": event.message}
    if webserver_url and event.run_id:
        item["url"] = f"{webserver_url.rstrip('/')}/runs/{event.run_id}"
    if event.status == "resolved" or before != table:
        yield {"table": before, **item, "status": "resolved"}
    if event.status == "open":
        yield {"table": table, **item, "status": "open"}
        opened[event.key] = table


def _report(client: DotClient, source: str, items: list[dict[str, Any]], log: Any) -> None:
    """Send incidents; one that Dot refuses by itself is told, and holds up no other."""
    try:
        client.report_incidents(source, items)
    except DotValidationError as error:
        if len(items) == 1:
            log.error(f"The incident {items[0]['check']} of {items[0]['table']} is left out: {error}")
            return
        for some in (items[: len(items) // 2], items[len(items) // 2 :]):
            _report(client, source, some, log)


@dot_component("Dot: report incidents", scaffold={"source": "dagster", "webserver_url": (WebAddress | None, None)})
class DotIncidentsComponent(DotFields, dg.Component, dg.Model):
    """A sensor that shows failed checks and materializations as incidents on Dot's tables, and their end."""

    produces: ClassVar[Sequence[str]] = ("sensor",)
    builder: ClassVar[Callable[..., Any]] = build_dot_incident_sensor

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
