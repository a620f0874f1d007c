"""Everything one sandbox knows and was told: a Dot workspace in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from dot_provider.sandbox import warehouse
from dot_provider.sandbox.accounts import Accounts
from dot_provider.sandbox.answers import Answers
from dot_provider.sandbox.content import Content, Environment
from dot_provider.sandbox.conversations import Conversation
from dot_provider.sandbox.faults import FaultQueue
from dot_provider.sandbox.history import PastConversations
from dot_provider.sandbox.incidents import Incidents
from dot_provider.sandbox.recording import Recorder
from dot_provider.sandbox.results import Chart, Table
from dot_provider.sandbox.settings import Settings

if TYPE_CHECKING:
    from dot_provider.sandbox.evaluations import EvaluationRun


@dataclass(frozen=True)
class Sync:
    """One sync of a connection that was asked for."""

    connection_type: str
    connection_id: str
    author: str
    environment: str | None
    time: float


@dataclass(frozen=True)
class TableEntry:
    """A table of the catalog."""

    id: str
    name: str
    description: str
    column_count: int
    num_rows: int
    connection_id: str


@dataclass
class DbtReport:
    """The last dbt run that was reported, and how many were."""

    count: int = 0
    invocation_id: str | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict, repr=False)


_TABLES_WITHOUT_WAREHOUSE = (
    ("orders", "One row per order.", 9, 48_211),
    ("customers", "One row per customer.", 12, 6_034),
    ("products", "One row per product.", 7, 418),
)


class Workspace:
    """The state of a sandbox; it lives in the event loop of its server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.faults = FaultQueue()
        self.answers = Answers.read(settings.answers)
        self.reset()

    def reset(self) -> None:
        """Forget everything, as if the sandbox had just been started."""
        settings = self.settings
        self.recorder = Recorder(settings.keep_requests, settings.record_bodies)
        self.faults.clear()
        self.started_at = time.time()
        self.accounts = Accounts(settings.token)
        self.conversations: dict[str, Conversation] = {}
        self.tables_found: dict[tuple[str, str], Table] = {}
        self.charts_found: dict[str, Chart] = {}
        self.past = PastConversations(settings)
        self.production = Content()
        self.environments: dict[str, Environment] = {}
        self.evaluation_runs: dict[str, EvaluationRun] = {}
        self.evaluation_keys: dict[str, EvaluationRun] = {}
        self.incidents = Incidents()
        self.dbt = DbtReport()
        self.syncs: list[Sync] = []
        self.connections: dict[str, str] = {id_: type_ for type_, id_ in settings.connections or ()}
        self._last_number: dict[str, int] = {}

    def next_id(self, prefix: str) -> str:
        """Return ``evr_1``, ``evr_2`` and so on."""
        self._last_number[prefix] = self._last_number.get(prefix, 0) + 1
        return f"{prefix}_{self._last_number[prefix]}"

    def content(self, environment: str | None) -> Content:
        """Return what an environment, or production, shows."""
        return self.production if environment is None else self.environments[environment].content

    def schemas(self, environment: str | None) -> tuple[str, ...]:
        """Return the schemas that an environment's targets name, which it reads before production's."""
        known = self.environments.get(environment or "")
        return tuple(_schemas_in(known.targets)) if known is not None else ()

    def tables(self) -> list[TableEntry]:
        """List the tables of the catalog; of the DuckDB file when there is one."""
        connection = next(iter(self.connections), "warehouse")
        path = self.settings.duckdb
        if path is None:
            return [
                TableEntry(f"analytics.{name}", name, text, columns, rows, connection)
                for name, text, columns, rows in _TABLES_WITHOUT_WAREHOUSE
            ]
        try:
            with warehouse.opened(path) as reader:
                return [
                    TableEntry(name, name, "", t.column_count, warehouse.row_count(reader, t), connection)
                    for t in warehouse.tables_in(reader)
                    for name in [f"{t.schema}.{t.name}"]
                ]
        except warehouse.NoWarehouse:
            return []


def _schemas_in(targets: Any) -> Iterator[str]:
    """Yield the text under each key that speaks of a schema; how targets are written is not documented."""
    for key, value in targets.items():
        if isinstance(value, dict):
            yield from _schemas_in(value)
        elif "schema" in key and isinstance(value, str):
            yield value


async def _workspace(request: Request) -> Workspace:
    workspace: Workspace = request.app.state.workspace
    return workspace


InWorkspace = Annotated[Workspace, Depends(_workspace)]
