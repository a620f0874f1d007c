"""The boundaries of the packages, which ``[tool.importlinter]`` in pyproject.toml draws."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import dot_provider

ROOT = Path(__file__).parents[1]


def test_no_boundary_is_crossed() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_package_stands_on_one_side_of_each_boundary() -> None:
    """A new package must be added to the contracts, or nothing would guard it."""
    contracts = (ROOT / "pyproject.toml").read_text().partition("[[tool.importlinter.contracts]]")[2]
    packages = [info.name for info in pkgutil.iter_modules(dot_provider.__path__)]
    assert len(packages) > 8
    assert [name for name in packages if f'"dot_provider.{name}"' not in contracts] == []


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("dot_provider.api", ("airflow", "dagster", "dlt", "fastapi")),
        ("dot_provider.dbt", ("airflow", "dagster", "dlt", "fastapi")),
        ("dot_provider.history", ("airflow", "dagster", "fastapi")),
        ("dagster_dot", ("airflow", "fastapi", "dlt")),
        ("dot_provider.operators", ("dagster", "fastapi", "dlt")),
        ("dot_provider.sandbox", ("airflow", "dagster", "dlt")),
    ],
)
def test_importing_a_package_loads_nothing_of_the_other_side(module: str, others: tuple[str, ...]) -> None:
    """Also through what it imports, which no linter follows into other distributions."""
    program = f"import sys, {module}; print(*(name for name in {others} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.split() == []
