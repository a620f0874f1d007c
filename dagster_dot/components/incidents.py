"""``dagster_dot.DotIncidentsComponent``: failed checks and materializations on Dot's tables."""

from __future__ import annotations

from typing import Annotated, Any

import dagster as dg

from dagster_dot.components.hints import field, form, type_spec
from dagster_dot.components.texts import text
from dagster_dot.incidents import build_dot_incident_sensor
from dagster_dot.resource import RESOURCE_KEY


class DotIncidentsComponent(dg.Component, dg.Resolvable, dg.Model):
    """A sensor that reports failed asset checks and materializations to Dot, and their end."""

    source: Annotated[str, text("source", "Who reports; Dot keeps the incidents of each source apart.")] = "dagster"
    name: Annotated[str, field("Name of the sensor.")] = "dot_incidents"
    include_dbt: Annotated[bool, field("True to report dbt's tests and models as well.")] = False
    webserver_url: Annotated[
        str | None, field("Where people open Dagster, for links.", examples=["https://dagster.example.com"])
    ] = None
    minimum_interval_seconds: Annotated[int, field("Seconds between two looks.", advanced=True)] = 60
    running: Annotated[bool, field("Whether the sensor runs as soon as the code location is loaded.")] = True
    resource_key: Annotated[str, field("Where the DotResource is found.", advanced=True)] = RESOURCE_KEY

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Say what the catalog of components shows."""
        return type_spec("Shows failed checks and materializations as incidents on Dot's tables.", "sensor")

    @classmethod
    def get_form_config(cls) -> Any:
        """Let people edit it in the app."""
        return form("Dot: report incidents")

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the sensor."""
        status = dg.DefaultSensorStatus.RUNNING if self.running else dg.DefaultSensorStatus.STOPPED
        sensor = build_dot_incident_sensor(
            source=self.source,
            name=self.name,
            include_dbt=self.include_dbt,
            webserver_url=self.webserver_url,
            minimum_interval_seconds=self.minimum_interval_seconds,
            default_status=status,
            resource_key=self.resource_key,
        )
        return dg.Definitions(sensors=[sensor])
