"""``dagster_dot.DotIncidentsComponent``: failed checks and materializations on Dot's tables."""

from __future__ import annotations

from typing import Annotated, ClassVar

import dagster as dg

from dagster_dot.components.base import Catalog, DotFields
from dagster_dot.components.hints import field, text
from dagster_dot.components.scaffolding import IncidentsParams, scaffolded_by
from dagster_dot.incidents import build_dot_incident_sensor
from dagster_dot.resource import RESOURCE_KEY


@scaffolded_by(IncidentsParams)
class DotIncidentsComponent(DotFields, dg.Component, dg.Model):
    """A sensor that reports failed asset checks and materializations to Dot, and their end."""

    catalog: ClassVar = Catalog(
        "Dot: report incidents", "Shows failed checks and materializations as incidents on Dot's tables.", ("sensor",)
    )

    source: Annotated[str, text("Who reports; Dot keeps the incidents of each source apart.")] = "dagster"
    name: Annotated[str, text("Name of the sensor.")] = "dot_incidents"
    include_dbt: Annotated[bool, field("True to report dbt's tests and models as well.")] = False
    webserver_url: Annotated[
        str | None, text("Where people open Dagster, for links.", examples=["https://dagster.example.com"])
    ] = None
    minimum_interval_seconds: Annotated[int, field("Seconds between two looks.", advanced=True)] = 60
    running: Annotated[bool, field("Whether the sensor runs as soon as the code location is loaded.")] = True
    resource_key: Annotated[str, text("Where the DotResource is found.", advanced=True)] = RESOURCE_KEY

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the sensor."""
        status = dg.DefaultSensorStatus.RUNNING if self.running else dg.DefaultSensorStatus.STOPPED
        given = self.arguments(build_dot_incident_sensor)
        sensor = build_dot_incident_sensor(default_status=status, **given)
        return dg.Definitions(sensors=[sensor])
