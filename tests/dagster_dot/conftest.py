"""A sandbox and a Dagster for each test: real HTTP, real runs in this process, nothing kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.incident_location import Location
from tests.dagster_dot.runs import Run, Runner


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A Dot that behaves well until it is told otherwise."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def dot(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> DotResource:
    """The resource as users write it, with the token in an environment variable."""
    monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
    return DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"), base_url=sandbox.base_url)


@pytest.fixture
def location(instance: dg.DagsterInstance, dot: DotResource) -> Location:
    """A code location whose incident sensor was switched on just now."""
    made = Location(instance, dot)
    made.tick()
    return made


@pytest.fixture
def materialize(dot: DotResource, instance: dg.DagsterInstance) -> Callable[..., Run]:
    """A function that materializes assets and returns what came of it; failures do not raise."""
    runner = Runner(instance, {"dot": dot})

    def run(*assets: Any, **settings: Any) -> Run:
        return runner.materialize(list(assets), **settings)

    return run
