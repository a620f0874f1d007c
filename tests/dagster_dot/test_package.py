"""The package as a whole: its names, what importing it costs, and whom it leaves alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import dagster_dot
from dot_provider import __version__

PACKAGE = Path(dagster_dot.__file__).parent
HEAVY = ("airflow", "aiohttp", "dagster_dbt", "dlt", "duckdb", "pyarrow", "requests")


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    assert list(dagster_dot.__all__) == sorted(dagster_dot.__all__)
    for name in dagster_dot.__all__:
        assert getattr(dagster_dot, name).__doc__, name


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, dagster_dot; print([name for name in {HEAVY!r} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_it_imports_no_private_module_of_dagsters() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                if module.split(".")[0].startswith("dagster"):
                    assert not any(part.startswith("_") for part in module.split(".")), (file, module)


def test_dagster_knows_its_version_and_does_not_warn() -> None:
    code = (
        "import warnings; warnings.simplefilter('error'); import dagster_dot;"
        "from dagster_shared.libraries import DagsterLibraryRegistry as registry;"
        "print(registry.get()['dagster-dot'])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.stdout.strip() == __version__, finished.stderr
