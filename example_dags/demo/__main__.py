"""Runs the demo: prepares ``.demo``, starts a sandbox unless a real Dot is named, runs Airflow, then Dagster."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dot_provider.api import DotClient, DotError
from dot_provider.api.settings import checked_token
from example_dags.demo.processes import ROOT, StepFailed, run_steps
from example_dags.demo.report import announce, closing, line_for
from example_dags.demo.steps import Step

HOME = Path(os.environ.get("DOT_DEMO_HOME") or ROOT / ".demo")
WAREHOUSE = HOME / "warehouse.duckdb"
NEEDED_BYTES = 300 * 1024 * 1024
CONVERSATIONS = 400
BROKEN = bool(os.environ.get("BREAK"))
"""Whether a model is broken on purpose (``make demo BREAK=1``), so that both gates are to close."""


@dataclass(frozen=True)
class Dot:
    """The Dot that the demo talks to."""

    base_url: str
    token: str
    is_sandbox: bool
    environment: str = ""


def main() -> int:
    """Run the demo and return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    began = time.monotonic()
    try:
        prepare()
        with dot() as server:
            announce(server.base_url, server.is_sandbox)
            steps = list(run(server))
    except KeyboardInterrupt:
        print("\nStopped. Nothing is left running; `make demo` starts again.", file=sys.stderr)
        return 130
    except (StepFailed, DotError, OSError) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    print(closing(steps, shown(WAREHOUSE), time.monotonic() - began, BROKEN))
    closed = [step.orchestrator for step in steps if not step.ok]
    return 0 if closed == (["airflow", "dagster"] if BROKEN else []) else 1


def shown(path: Path) -> Path:
    """Return ``path`` as a person would type it from the project's folder."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def prepare() -> None:
    """Make an empty place for the warehouse; Airflow's metadata database is kept, because it takes long to make.

    Raises:
        OSError: there is too little room, or the folder cannot be written.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(HOME).free
    if free < NEEDED_BYTES:
        raise OSError(
            f"{HOME} has {free >> 20} MiB left and the demo needs {NEEDED_BYTES >> 20}: make room, run it again."
        )
    for leftover in HOME.glob("warehouse.duckdb*"):
        leftover.unlink()


@contextlib.contextmanager
def dot() -> Iterator[Dot]:
    """Yield the Dot that DOT_BASE_URL (or DOT_API_BASE_URL), DOT_API_TOKEN and DOT_ENV name; else a sandbox."""
    token = os.environ.get("DOT_API_TOKEN")
    base_url = os.environ.get("DOT_BASE_URL") or os.environ.get("DOT_API_BASE_URL")
    if token or base_url:
        environment = os.environ.get("DOT_ENV", "")
        with DotClient(checked_token(token, "DOT_API_TOKEN"), base_url, environment) as client:
            client.whoami()
            yield Dot(client.server.origin, token or "", False, environment)
        return
    from dot_provider.sandbox import Sandbox

    port = int(os.environ.get("DOT_DEMO_PORT", "0"))
    answers = ROOT / "example_dags" / "shop" / "answers.yaml"
    sandbox = Sandbox(port=port, answers=answers, duckdb=WAREHOUSE, history=CONVERSATIONS, seed=1)
    try:
        sandbox.start()
    except OSError as error:
        raise OSError(
            f"port {port} is taken: set DOT_DEMO_PORT to another, or leave it out ({error.strerror})."
        ) from None
    try:
        yield Dot(sandbox.base_url, sandbox.token, is_sandbox=True)
    finally:
        sandbox.stop()


def run(server: Dot) -> Iterator[Step]:
    """Run both orchestrators, one after the other because DuckDB lets one process write at a time."""
    env = {
        "DOT_API_TOKEN": server.token,
        "DOT_BASE_URL": server.base_url,
        "DOT_ENV": server.environment,
        "SHOP_DUCKDB": str(WAREHOUSE),
        "SHOP_BREAK": "1" if BROKEN else "",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    for module, extra in (("airflow_side", airflow_env(server)), ("dagster_side", dagster_env())):
        for step in run_steps(f"example_dags.demo.{module}", {**env, **extra}, HOME / f"{module}.log"):
            print(line_for(step), flush=True)
            yield step


def airflow_env(server: Dot) -> dict[str, str]:
    """Return what Airflow needs: its own home, a connection to Dot, and no telemetry."""
    home = HOME / "airflow"
    home.mkdir(exist_ok=True)
    connection = {"conn_type": "dot", "host": server.base_url, "password": server.token}
    connection |= {"extra": json.dumps({"environment": server.environment})} if server.environment else {}
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_DOT_DEFAULT": json.dumps(connection),
        "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "duckdb", "host": str(WAREHOUSE)}),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "DBT_TARGET_PATH": str(HOME / "dbt-target"),
        "DBT_LOG_PATH": str(HOME / "dbt-logs"),
    }


def dagster_env() -> dict[str, str]:
    """Return what Dagster needs: its own home."""
    home = HOME / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    return {"DAGSTER_HOME": str(home)}


if __name__ == "__main__":
    sys.exit(main())
