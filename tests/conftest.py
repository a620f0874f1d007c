"""Fixtures for all tests; each subject has its own module."""

from __future__ import annotations

from copy import copy

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from starlette.datastructures import State

from dot_provider.sandbox import app
from dot_provider.sandbox.workspace import Workspace

pytest_plugins = ["tests.both_clients", "tests.fixtures_airflow", "tests.fixtures_dbt", "tests.processes"]

# Tests run side by side on few cores, so that the time of a single example says nothing.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _endpoints_are_made_once() -> None:
    """FastAPI reads the signatures of all endpoints for each sandbox, of which the tests start thousands."""
    make, endpoints = app.build_app, dict[bool, FastAPI]()

    def build_app(workspace: Workspace) -> FastAPI:
        older = workspace.settings.older
        if older not in endpoints:
            endpoints[older] = make(workspace)
        made = copy(endpoints[older])
        made.state = State({"workspace": workspace})
        return made

    app.build_app = build_app
