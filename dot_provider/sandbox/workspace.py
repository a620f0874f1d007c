"""Everything one sandbox knows and was told: a Dot workspace in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import HTTPException

from dot_provider.sandbox.answers import Answers
from dot_provider.sandbox.auth import Accounts
from dot_provider.sandbox.connections import Sync
from dot_provider.sandbox.conversations import Conversation
from dot_provider.sandbox.dbt import DbtReport, Incidents
from dot_provider.sandbox.environments import Content, Environment
from dot_provider.sandbox.evaluations import EvaluationRun
from dot_provider.sandbox.faults import FaultQueue
from dot_provider.sandbox.history import PastConversations
from dot_provider.sandbox.recording import Recorder
from dot_provider.sandbox.results import Chart, Table
from dot_provider.sandbox.settings import Settings


class Workspace:
    """The state of a sandbox; it lives in the event loop of its server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.answers = Answers.read(settings.answers)
        self.faults = FaultQueue()
        self.reset()

    def reset(self) -> None:
        """Forget everything, as if the sandbox had just been started."""
        settings = self.settings
        self.recorder = Recorder()
        self.faults.clear()
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
        self.connections = {id_: type_ for type_, id_ in settings.connections or ()}
        self._last_number: dict[str, int] = {}

    def next_id(self, prefix: str) -> str:
        """Return ``evr_1``, ``evr_2`` and so on."""
        self._last_number[prefix] = self._last_number.get(prefix, 0) + 1
        return f"{prefix}_{self._last_number[prefix]}"

    def environment(self, environment_id: str) -> Environment:
        """Return an environment; an unknown id is a 404."""
        if environment_id not in self.environments:
            raise HTTPException(404, f"Environment {environment_id} not found")
        return self.environments[environment_id]

    def content(self, environment_id: str | None) -> Content:
        """Return what an environment, or production, shows."""
        return self.production if environment_id is None else self.environment(environment_id).content

    def sync(self, connection_type: str, connection_id: str, author: str, environment: str | None) -> None:
        """Remember that somebody asked for a sync."""
        self.syncs.append(Sync(connection_type, connection_id, author, environment, time.time()))

    def schemas(self, environment: str | None) -> tuple[str, ...]:
        """Return the schemas that an environment's targets name, which it reads before production's."""
        known = self.environments.get(environment or "")
        return tuple(_schemas_in(known.targets)) if known is not None else ()


def _schemas_in(targets: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text under each key that speaks of a schema; how targets are written is not documented."""
    for key, value in targets.items():
        if isinstance(value, dict):
            yield from _schemas_in(value)
        elif "schema" in key and isinstance(value, str):
            yield value
