"""The shop, built by the real dbt: once for all tests that only read it, and as a copy of one's own.

A build takes some seconds, so the test workers of one run share it: the first one that needs it builds it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

PROJECT = Path(__file__).parents[1] / "example_dags" / "shop"


@dataclass(frozen=True)
class Shop:
    """A copy of the dbt project with the DuckDB file and the target folder that belong to it."""

    root: Path

    @property
    def project_dir(self) -> Path:
        return self.root / "shop"

    @property
    def duckdb_path(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def target_path(self) -> Path:
        return self.root / "target"

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt in this copy; the caller looks at the return code."""
        return subprocess.run(
            [Path(sys.executable).with_name("dbt"), *arguments],
            cwd=self.project_dir,
            env=os.environ
            | {
                "SHOP_DUCKDB": str(self.duckdb_path),
                "DBT_TARGET_PATH": str(self.target_path),
                "DBT_LOG_PATH": str(self.root / "logs"),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
                "DBT_USE_COLORS": "false",
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop after a `dbt build` in which everything passed. To be read, not changed."""
    return _shared(tmp_path_factory, "shop_passing", _build)


@pytest.fixture(scope="session")
def failing_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop after a `dbt build` in which one test failed. To be read, not changed."""
    return _shared(tmp_path_factory, "shop_failing", _build_with_a_failing_test)


@pytest.fixture
def shop_copy(shop: Shop, tmp_path: Path) -> Shop:
    """A built shop of one's own, to be changed at will."""
    return Shop(Path(shutil.copytree(shop.root, tmp_path / "shop_copy")))


def _shared(factory: pytest.TempPathFactory, name: str, build: Callable[[Shop], None]) -> Shop:
    # Under xdist each worker has its own base folder, and the run's common folder is the one above.
    common = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    root, done = common / name, common / f"{name}.done"
    with FileLock(common / f"{name}.lock"):
        if not done.exists():
            shutil.copytree(PROJECT, root / "shop", ignore=shutil.ignore_patterns("target", "logs", "*.duckdb*"))
            build(Shop(root))
            done.touch()
    return Shop(root)


def _build(shop: Shop) -> None:
    run = shop.dbt("build")
    assert run.returncode == 0, run.stdout


def _build_with_a_failing_test(shop: Shop) -> None:
    run = shop.dbt("build", "--vars", "{break_a_test: true}")
    assert run.returncode == 1, run.stdout
