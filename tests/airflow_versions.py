"""The example DAGs on other versions of Airflow, each in an environment of its own: ``make airflow-versions``.

Each environment holds what the package index had on the day of the Airflow's release, which is close to its constraints
file; only dlt, which no constraints file names, may be newer. The first one holds the oldest of everything that
pyproject.toml allows. Environments are kept in ``.venvs`` and brought up to date with the project by each run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.stem for path in (ROOT / "example_dags").glob("airflow_*.py") if path.stem != "airflow_shop")

ASKED_FOR = {
    "/api/agentic",
    "/api/c2/{chat}",
    "/api/dbt/exposures",
    "/api/dbt/run_results",
    "/api/evaluations/finance-basics/run",
    "/api/export_history",
    "/api/import_and_overwrite_external_asset",
    "/api/org_notes",
    "/api/quality/incidents",
    "/api/sync/dbt/shop",
}
"""What a sandbox must have been sent when all examples have run."""

IMPORT_ALL = """
import importlib, pkgutil, dot_provider
for module in pkgutil.walk_packages(dot_provider.__path__, "dot_provider."):
    if module.name != "dot_provider.hooks.agent":  # for another provider, which not every Airflow has
        importlib.import_module(module.name)
"""


@dataclass(frozen=True)
class World:
    """An Airflow with the libraries of its time."""

    airflow: str
    day: str
    options: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    """Examples that this Airflow cannot run whoever's operators they use."""


WORLDS = (
    World(
        "3.0.0",
        "2025-05-29",
        ("--resolution", "lowest-direct"),
        ("airflow_ask_decorator",),  # no mapped @task runs in `dags test`: "unexpected expand_input"
    ),
    World("3.0.6", "2025-08-30"),
    World("3.1.8", "2026-03-12"),
    World("3.2.2", "2026-05-30"),
)


def main(wanted: list[str]) -> int:
    """Try the worlds with these versions, or all; return the number of those in which something failed."""
    failed = 0
    for world in WORLDS:
        if wanted and world.airflow not in wanted:
            continue
        problems = _problems_in(world)
        print(
            f"Airflow {world.airflow}: {'all examples ran' if not problems else ''}", *problems, sep="\n  ", flush=True
        )
        failed += bool(problems)
    return failed


def _problems_in(world: World) -> list[str]:
    binaries = _install(world)
    with tempfile.TemporaryDirectory(prefix="airflow-versions-") as home, _sandbox(binaries) as dot:
        environment = _environment(Path(home), dot)

        def run(*command: str) -> str | None:
            ran = subprocess.run(
                [binaries / command[0], *command[1:]], env=environment, cwd=home, capture_output=True, text=True
            )
            return None if ran.returncode == 0 else f"{' '.join(command[:4])}: {_errors(ran.stdout + ran.stderr)}"

        steps = [("python", "-c", IMPORT_ALL), ("airflow", "db", "migrate"), ("airflow", "dags", "reserialize")]
        steps += [("airflow", "dags", "test", name, "2026-02-01") for name in EXAMPLES if name not in world.defects]
        problems = [problem for step in steps if (problem := run(*step))]
        with urlopen(f"{dot}/sandbox/requests?limit=10000") as answer:
            requests = json.load(answer)
    sent = {request["path"] for request in requests if request["status"] < 400}
    missing = {path for path in ASKED_FOR if not any(one.startswith(path.partition("{")[0]) for one in sent)}
    return problems + [f"Dot was not sent {path}" for path in sorted(missing)]


def _errors(log: str) -> str:
    found = [line for line in log.splitlines() if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return "\n    ".join(found or log.splitlines()[-20:])


def _install(world: World) -> Path:
    """Return the folder of programs of the world's environment, which is made where it is missing."""
    home = ROOT / ".venvs" / world.airflow
    uv = [Path(sys.executable).with_name("uv")]
    if not home.exists():
        subprocess.run([*uv, "venv", "--quiet", home], check=True)
    target = [
        "--python",
        home / "bin" / "python",
        "--exclude-newer",
        world.day,
        "--exclude-newer-package",
        "dlt=9999-01-01",
    ]
    what = [
        f"apache-airflow=={world.airflow}",
        f"{ROOT}[airflow,warehouse,html,sandbox]",
        "--reinstall-package",
        "dot-provider",
    ]
    subprocess.run([*uv, "pip", "install", "--quiet", "--upgrade", *target, *world.options, *what], check=True)
    names = ("airflow", "common-compat", "aiohttp", "dlt", "duckdb", "pyarrow", "requests", "urllib3")
    listed = subprocess.run([*uv, "pip", "freeze", *target[:2]], capture_output=True, text=True, check=True).stdout
    print(
        *(
            line
            for line in listed.splitlines()
            if line.partition("==")[0].replace("apache-airflow-providers-", "") in names
        )
    )
    return home / "bin"


@contextmanager
def _sandbox(binaries: Path) -> Iterator[str]:
    """Run the environment's own sandbox, so that its libraries are tried too."""
    server = subprocess.Popen(
        [binaries / "dot-sandbox", "--port", "0", "--history", "50"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        yield next(line.split("=")[1].strip() for line in server.stdout if "DOT_BASE_URL=" in line)
    finally:
        server.terminate()
        server.wait()


def _environment(home: Path, dot: str) -> dict[str, str]:
    shutil.copytree(ROOT / "example_dags" / "shop", home / "shop")
    dags = home / "dags"
    dags.mkdir()
    for name in [*(f"{name}.py" for name in EXAMPLES), "dashboards.csv"]:
        shutil.copy(ROOT / "example_dags" / name, dags)
    connections: dict[str, Any] = {
        "DOT_DEFAULT": {"conn_type": "dot", "host": dot, "password": "dot-sandbox-token"},
        "WAREHOUSE_DEFAULT": {"conn_type": "duckdb", "host": str(home / "history.duckdb")},
    }
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "DBT": str(Path(sys.executable).with_name("dbt")),
        "DBT_PROJECT": str(home / "shop"),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "dbt-logs"),
        "DOT_REPORTS": str(home / "reports"),
        "SHOP_DUCKDB": str(home / "shop.duckdb"),
        **{f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in connections.items()},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
