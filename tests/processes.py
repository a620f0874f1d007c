"""Processes that are killed, from one server that has imported what they need, so that each takes milliseconds.

A test worker has one such server, which imports at its start and never again: so one list for all tests.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext

import pytest

_PRELOADED = [
    "aiohttp",
    "duckdb",
    "dot_provider.api.client",
    "tests.api.killed_ask",
    "tests.api.killed_environment",
    # What follows is left out where Airflow or Dagster is not installed.
    "dot_provider.dbt",
    "dot_provider.evaluations.answers",
    "dot_provider.evaluations.metricflow",
    "dot_provider.operators.ask",
    "dot_provider.triggers.evaluation",
    "tests.operators.killed_evaluation",
    "tests.dagster_dot.killed_pull_request",
    "tests.dagster_dot.location",
]


@pytest.fixture(scope="session")
def processes() -> ForkServerContext:
    """What ``multiprocessing`` offers, with ``Process`` forked from the server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context
