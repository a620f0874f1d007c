"""Fixtures for all tests; each subject has its own module."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.both_clients", "tests.fixtures_airflow", "tests.fixtures_dbt"]

# Tests run side by side on few cores, so that the time of a single example says nothing.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
