"""Fixtures for all tests; each subject has its own module."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.both_clients", "tests.fixtures_airflow", "tests.fixtures_dbt"]

# Tests run side by side on few cores, so that the time of a single example says nothing.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_FIRST = ("tests/system/", "tests/example_dags/", "tests/test_readme.py", "tests/operators/", "tests/triggers/")
"""Where tests take minutes; begun last, one of their files would keep a single worker busy at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: next((place for place, at in enumerate(_FIRST) if item.nodeid.startswith(at)), len(_FIRST))
    )
