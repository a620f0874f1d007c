"""Fixtures for all tests; each subject has its own module."""

from __future__ import annotations

pytest_plugins = ["tests.fixtures_dbt"]
