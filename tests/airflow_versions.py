"""The example DAGs on a version of Airflow, in its environment: part of ``make matrix``, see ``tests/matrix.py``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import duckdb

ROOT = Path(__file__).parents[1]
# airflow_shop has a test of its own, airflow_cosmos a world of its own, and airflow_deliver needs a mail server.
ELSEWHERE = {"airflow_shop", "airflow_cosmos", "airflow_deliver"}
EXAMPLES = sorted(path.stem for path in (ROOT / "example_dags").glob("airflow_*.py") if path.stem not in ELSEWHERE)
EXAMPLES.sort(key="airflow_dbt".__ne__)  # it builds what the questions of the others are about

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


def problems_on(binaries: Path, leave_out: Sequence[str] = ()) -> list[str]:
    """Return what went wrong with these programs, but for examples that this Airflow cannot run whoever's they are."""
    with tempfile.TemporaryDirectory(prefix="airflow-versions-") as home, _sandbox(binaries, Path(home)) as dot:
        environment = _environment(Path(home), dot)

        def run(*command: str) -> str | None:
            ran = subprocess.run(
                [binaries / command[0], *command[1:]], env=environment, cwd=home, capture_output=True, text=True
            )
            return None if ran.returncode == 0 else f"{' '.join(command[:4])}: {_errors(ran.stdout + ran.stderr)}"

        steps = [("python", "-c", IMPORT_ALL), ("airflow", "db", "migrate"), ("airflow", "dags", "reserialize")]
        steps += [("airflow", "dags", "test", name, "2026-02-01") for name in EXAMPLES if name not in leave_out]
        problems = [problem for step in steps if (problem := run(*step))]
        with urlopen(f"{dot}/sandbox/requests?limit=10000") as answer:
            requests = json.load(answer)
    sent = {request["path"] for request in requests if request["status"] < 400}
    missing = {path for path in ASKED_FOR if not any(one.startswith(path.partition("{")[0]) for one in sent)}
    return problems + [f"Dot was not sent {path}" for path in sorted(missing)]


def _errors(log: str) -> str:
    found = [line for line in log.splitlines() if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return "\n    ".join(found or log.splitlines()[-20:])


@contextmanager
def _sandbox(binaries: Path, home: Path) -> Iterator[str]:
    """Run the environment's own sandbox, so that its libraries are tried too."""
    answers = (ROOT / "example_dags" / "shop" / "answers.yaml").read_text()
    question = "{id: orders, question: 'How many orders are there?', expected_answer: 200}"
    saved = f"evaluations:\n  - {{id: finance-basics, name: Finance, questions: [{question}]}}\n"
    (home / "answers.yaml").write_text(answers.replace("evaluations:\n", saved))
    shop = ("--answers", home / "answers.yaml", "--duckdb", home / "shop.duckdb")
    command = [binaries / "dot-sandbox", "--port", "0", "--history", "50", *shop]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield next(line.split("=")[1].strip() for line in server.stdout if "DOT_BASE_URL=" in line)
    finally:
        server.terminate()
        server.wait()


def _environment(home: Path, dot: str) -> dict[str, str]:
    shutil.copytree(ROOT / "example_dags" / "shop", home / "shop")
    # dbt runs with the DuckDB of this environment, whose files that of an older one could not read.
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home / 'shop.duckdb'}' as shop (storage_version 'v1.2.0')")
    dags = home / "dags"
    dags.mkdir()
    for name in [*(f"{name}.py" for name in EXAMPLES), "dashboards.csv"]:
        shutil.copy(ROOT / "example_dags" / name, dags)
    connections: dict[str, Any] = {
        "DOT_DEFAULT": {"conn_type": "dot", "host": dot, "password": "dot-sandbox-token"},
        "WAREHOUSE_DEFAULT": {"conn_type": "duckdb", "host": str(home / "history.duckdb")},
        "WAREHOUSE": {"conn_type": "duckdb", "host": str(home / "shop.duckdb")},
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
