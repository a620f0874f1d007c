"""What a DAG file pays for importing the operators, counted in modules because times vary."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_OPERATORS = "from dot_provider.operators import *"
_EVERYTHING = """
from dot_provider.operators import *
from dot_provider.sensors import *
from dot_provider.notifications import *
from dot_provider.hooks import *
from dot_provider.task_groups import *
import dot_provider.decorators.ask
"""
_PROBE = """
import json, sys
import airflow.sdk
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator
from airflow.sdk.configuration import conf
import airflow.triggers.base
before = set(sys.modules)
IMPORTS
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def _added_by(imports: str) -> list[str]:
    code = _PROBE.replace("IMPORTS", imports)
    probe = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules: list[str] = json.loads(probe.stdout.splitlines()[-1])
    return modules


@pytest.fixture(scope="module")
def added() -> list[str]:
    return _added_by(_EVERYTHING)


def test_all_operators_add_at_most_26_modules() -> None:
    added = _added_by(_OPERATORS)
    assert len(added) <= 26, added


def test_no_http_or_warehouse_library_is_imported(added: list[str]) -> None:
    heavy = ("requests", "aiohttp", "dlt", "pyarrow", "duckdb", "yaml", "bs4", "markdownify")
    assert [name for name in added if name.partition(".")[0] in heavy] == []


def test_everything_else_that_is_imported_is_airflows_own(added: list[str]) -> None:
    assert {name.partition(".")[0] for name in added} == {"airflow", "dot_provider"}


def test_only_what_a_dag_file_needs_of_our_own_is_imported(added: list[str]) -> None:
    """The core below the operators waits until a task runs, but for errors and settings."""
    core = [name for name in added if name.startswith("dot_provider.api.")]
    assert core == ["dot_provider.api.errors"], core
