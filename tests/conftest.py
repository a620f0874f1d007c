"""Fixtures for all tests; each subject has its own module."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.both_clients", "tests.fixtures_airflow", "tests.fixtures_dbt", "tests.processes"]

# Tests run side by side on few cores, so that the time of a single example says nothing.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

_LONGEST = (
    "system/airflow/test_local_executor.py",
    "system/test_demo.py",
    "test_readme.py",
    "history/test_load_order.py",
    "operators/test_evaluation_killed.py",
    "system/airflow/test_celery_executor.py",
    "history/test_load.py",
    "operators/test_ask.py",
    "dagster_dot/components/test_dg.py",
    "operators/test_dbt_run.py",
    "dbt/test_exposures.py",
    "dagster_dot/test_dbt.py",
    "system/airflow/test_answer_tab.py",
    "history/test_publish.py",
    "dagster_dot/components/test_dbt_project.py",
    "example_dags/test_airflow_pages.py",
    "dagster_dot/test_question.py",
    "example_dags/test_airflow_shop.py",
    "api/test_run_evaluation.py",
    "dbt/test_artifacts.py",
    "operators/test_evaluation_suite.py",
    "dagster_dot/test_incident_storages.py",
    "history/test_dbt_package.py",
    "system/test_dagster_sensors.py",
    "task_groups/test_pull_request.py",
    "history/test_main.py",
    "dagster_dot/test_pull_request.py",
    "operators/test_evaluation.py",
)
"""The files that take longest: begun first, none of them is left alone at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; each stays on one worker, which begins the next when it is nearly through."""
    places = {Path(__file__).parent / file: place for place, file in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
