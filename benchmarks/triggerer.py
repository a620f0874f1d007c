"""1,000 deferred questions on one triggerer: ``DotAskOperator`` against ``HttpOperator(deferrable=True)``.

    python -m benchmarks.triggerer [questions]

The questions have been asked and wait in a real triggerer, with their rows in a real PostgreSQL. Once all of them wait,
the triggerer is restarted, as with every deployment. Then their answers become ready, spread over a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from benchmarks.answering import Answering, running_dot
from benchmarks.table import print_table
from tests.ports import free_port
from tests.postgres import running_postgres, sqlalchemy_url
from tests.until import until

POLL_INTERVAL = 5.0
"""Seconds between two looks, which is the operator's default."""

SECONDS = 60.0
"""The answers become ready within so many seconds."""

PATIENCE = {"seconds": 600.0, "every": 1.0}

NAMES = {"dot": "DotAskOperator", "http": "HttpOperator"}

HEADER = ["", "posts", "seen (s)", "99 %", "resumable (s)", "99 %", "late at start (s)", "later", "CPU s", "peak MiB"]


def main(questions: int) -> None:
    """Measure each way on a triggerer of its own, and print the table."""
    rows = []
    for way, name in NAMES.items():
        with running_dot(SECONDS, asked=False) as dot, running_postgres("benchmark-") as (folder, server):
            server.psql("CREATE DATABASE airflow")
            rows.append([name, *_measure(way, questions, dot, folder, server.get_uri("airflow"))])
    print_table(f"{questions:,} questions on one triggerer, a look every {POLL_INTERVAL:.0f} s", HEADER, rows)


def _measure(way: str, questions: int, dot: Answering, folder: Path, database: str) -> list[str]:
    env, lag_file = _environment(folder, database, dot.origin), folder / "lag"
    seed = [sys.executable, "-m", "benchmarks.deferred", way, str(questions), str(POLL_INTERVAL), str(lag_file)]
    for command in (["airflow", "db", "migrate"], seed):
        subprocess.run(command, env=env, check=True, capture_output=True)
    with _triggerer(env, folder, questions):
        until(lambda: dot.facts()["seen"] >= questions, "every question waits", **PATIENCE)
    dot.forget_who_asked()
    with _triggerer(env, folder, questions) as process, psycopg2.connect(database) as connection:
        connection.autocommit = True
        until(lambda: dot.facts()["seen"] >= questions, "every question waits again", **PATIENCE)
        used, lag_at_start = _Usage(process), float(lag_file.read_text())
        lag_file.unlink()
        dot.begin()
        until(lambda: used.look() and len(_resumed(connection)) >= questions, "every task can go on", **PATIENCE)
        facts, resumed = dot.facts(), _resumed(connection)
    seen = sorted(facts["taken"][chat] - ready for chat, ready in facts["ready"].items())
    late = sorted(resumed[chat] - ready for chat, ready in facts["ready"].items())
    figures = [statistics.median(seen), _percentile_99(seen), statistics.median(late), _percentile_99(late)]
    figures += [lag_at_start, float(lag_file.read_text())]
    return [f"{facts['posts']:,}", *(f"{figure:.2f}" for figure in figures), *used.figures()]


def _environment(folder: Path, database: str, origin: str) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path.cwd()),
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(database),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": "sqlite+aiosqlite://",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW_CONN_DOT_DEFAULT": json.dumps({"conn_type": "dot", "host": origin, "password": "token"}),
        "AIRFLOW_CONN_HTTP_DEFAULT": json.dumps({"conn_type": "http", "host": origin}),
    }


@contextlib.contextmanager
def _triggerer(env: Mapping[str, str], folder: Path, questions: int) -> Iterator[psutil.Process]:
    """Run a triggerer that has room for all questions and for the trigger that watches its event loop."""
    command = ["airflow", "triggerer", "--capacity", str(questions + 1)]
    with (folder / "triggerer.log").open("ab") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield psutil.Process(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=5)  # it waits for its triggers
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class _Usage:
    """What the triggerer and the process that runs its triggers use, from now on."""

    def __init__(self, triggerer: psutil.Process) -> None:
        self._processes = [triggerer, *triggerer.children(recursive=True)]
        self._before = self._cpu = self._cpu_seconds()
        self._peak = 0

    def look(self) -> bool:
        self._cpu = self._cpu_seconds()
        self._peak = max(self._peak, sum(process.memory_full_info().pss for process in self._processes))
        return True

    def figures(self) -> list[str]:
        return [f"{self._cpu - self._before:.0f}", f"{self._peak / 2**20:.0f}"]

    def _cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self._processes]
        return sum(each.user + each.system for each in times)


def _resumed(connection: Any) -> dict[str, float]:
    """Return by chat when its task could go on, in seconds since the epoch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_id, extract(epoch FROM updated_at) FROM task_instance WHERE state = 'scheduled'")
        return {task.replace("q", "chat-"): float(at) for task, at in cursor.fetchall()}


def _percentile_99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
