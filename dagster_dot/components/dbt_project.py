"""``dagster_dot.DotDbtProjectComponent``: dagster-dbt's component of a dbt project, whose runs Dot hears of.

Imported only where somebody asks for the component, because dagster-dbt takes seconds to import and may be missing.
Without postponed annotations, because Dagster reads those of a dataclass as they stand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProjectComponent

from dagster_dot.components.base import DotFields
from dagster_dot.components.connection import DotConnection
from dagster_dot.components.form_fields import field, words_of
from dagster_dot.components.scaffolding import CONNECTION, connection, dot_component, in_project
from dagster_dot.dbt import report_dbt_run, report_invocations

_WORDS = words_of(report_dbt_run)


@dot_component(
    "Dot: report dbt's runs",
    scaffold={**CONNECTION, "project_path": "dbt"},
    attributes=lambda made: {"project": in_project(made.project_path), "dot": connection(made)},
    checked=False,
)
@dataclass(kw_only=True)
class DotDbtProjectComponent(DotFields, DbtProjectComponent):
    """A dbt project as assets; each run is reported to Dot, also one in which a model or a test failed."""

    produces: ClassVar[Sequence[str]] = ("asset", "asset_check")

    dot: Annotated[DotConnection, field("dot", "How Dot is reached: api_token, and region or base_url.")]
    required: Annotated[bool, field("required", _WORDS.get("required", ""))] = False
    since: Annotated[str | None, field("since", _WORDS.get("since", ""))] = "run"

    def execute(self, context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        """Run dbt as dagster-dbt does, and report the run when it has ended, whether it passed or not."""
        watched = _Watched(dbt)
        events = super().execute(context, cast(DbtCliResource, watched))
        yield from report_invocations(events, watched.invocations, self.dot.get_resource(), self.required, self.since)


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
