"""Fixtures for all tests; each subject has its own module."""

from __future__ import annotations

pytest_plugins = ["tests.both_clients", "tests.fixtures_airflow", "tests.fixtures_dbt"]
