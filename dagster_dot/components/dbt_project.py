"""``dagster_dot.DotDbtProjectComponent``: dagster-dbt's component of a dbt project, whose runs Dot hears of.

Imported only where somebody asks for the component, because dagster-dbt takes seconds to import and may be missing.
Without postponed annotations, because Dagster reads those of a dataclass as they stand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProjectComponent

from dagster_dot.components.base import Catalog, DotFields
from dagster_dot.components.connection import DotConnection
from dagster_dot.components.hints import field, text
from dagster_dot.components.scaffolding import DbtProjectParams, scaffolded_by
from dagster_dot.dbt import reporting


@scaffolded_by(DbtProjectParams)
@dataclass(kw_only=True)
class DotDbtProjectComponent(DotFields, DbtProjectComponent):
    """A dbt project as assets; each run is reported to Dot, also one in which a model or a test failed."""

    catalog: ClassVar = Catalog(
        "Dot: report dbt's runs", "A dbt project whose runs and failed tests Dot hears of.", ("asset", "asset_check")
    )

    dot: Annotated[DotConnection, field("How Dot is reached: api_token, and region or base_url.")]
    required: Annotated[
        bool, field("True to fail the step where dbt passed and the report did not reach Dot.", advanced=True)
    ] = False

    since: Annotated[
        str | None,
        text("Results that dbt wrote before are not reported: run (its start), a moment, or null.", advanced=True),
    ] = "run"

    def execute(self, context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        """Run dbt as dagster-dbt does, and report the run when it has ended, whether it passed or not."""
        watched = _Watched(dbt)
        events = super().execute(context, cast(DbtCliResource, watched))
        yield from reporting(events, watched.invocations, self.dot.get_resource(), self.required, self.since)


class _Watched:
    """The dbt resource, which remembers what it was asked to run."""

    def __init__(self, dbt: DbtCliResource) -> None:
        self._dbt = dbt
        self.invocations: list[Any] = []

    def cli(self, *args: Any, **kwargs: Any) -> Any:
        invocation = self._dbt.cli(*args, **kwargs)
        self.invocations.append(invocation)
        return invocation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dbt, name)
