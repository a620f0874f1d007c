"""A real Airflow: scheduler, DAG processor, triggerer, API server and the executor's workers, on PostgreSQL.

Each component is a child process with a session of its own and is ended with its whole process group, because
``airflow standalone`` leaves processes behind.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import psycopg2
import requests

from tests.ports import free_port
from tests.postgres import running_postgres, sqlalchemy_url
from tests.system.airflow import celery_workers
from tests.system.celery_broker import make_tables
from tests.until import until

COMPONENTS = ("api-server", "dag-processor", "triggerer", "scheduler")
PARALLELISM = 2


class Cluster:
    """One Airflow, from ``start`` to ``stop``.

    Args:
        home: an empty folder, which becomes ``AIRFLOW_HOME`` and holds every log.
        dags: the folder of the DAG files.
        database: an empty PostgreSQL database, as a libpq URI.
        executor: ``LocalExecutor``, or ``CeleryExecutor`` with the two workers of ``celery_workers``.
    """

    def __init__(self, home: Path, dags: Path, database: str, executor: str = "LocalExecutor") -> None:
        self.home, self.database, self.executor = home, database, executor
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        options = {**_options(home, dags, database, port), "CORE__EXECUTOR": executor}
        if self._has_celery:
            options |= celery_workers.options(database)
        settings = {f"AIRFLOW__{name}": value for name, value in options.items()}
        self._env = {**_without_airflow(os.environ), "AIRFLOW_HOME": str(home), **settings}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Make the metadata database and start all components; return when all of them are healthy."""
        self.start_component("db migrate")
        if self._running["db migrate"].wait(timeout=180):
            raise self._ended("db migrate")
        del self._running["db migrate"]
        for component in COMPONENTS:
            self.start_component(component)
        if self._has_celery:
            make_tables(self.database, "default")
            for worker in celery_workers.NAMES:
                self.start_worker(worker)
        until(self._healthy, "every component is healthy", seconds=180)

    def stop(self) -> None:
        """End all components and what they started."""
        for process in self._running.values():
            _signal_group(process.pid, signal.SIGTERM)
        for component in reversed(list(self._running)):
            self.stop_component(component)

    def start_worker(self, name: str) -> None:
        """Start one of Celery's workers, without waiting for it."""
        self.start_component(name, celery_workers.COMMAND, celery_workers.identity(name))

    def start_component(self, name: str, command: str | None = None, env: Mapping[str, str] | None = None) -> None:
        """Start one component, without waiting for it; ``command`` is what Airflow calls it where that differs."""
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [_airflow(), *(command or name).split()],
                env={**self._env, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop_component(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End one component with its process group and its descendants outside of it."""
        process = self._running.pop(name)
        family = _family(process.pid)
        _signal_group(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        _signal_group(process.pid, signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()
        psutil.wait_procs(family, timeout=10)

    def restart_component(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """End one component and start it again, in another environment; return when all components are healthy."""
        self.stop_component(name)
        self.start_component(name, env=env)
        until(self._healthy, f"{name} is healthy again", seconds=180)

    def pause_component(self, name: str) -> None:
        """Freeze one component, as a machine that swaps or a virtual machine that is moved does."""
        os.killpg(self._running[name].pid, signal.SIGSTOP)

    def resume_component(self, name: str) -> None:
        """Let a frozen component go on."""
        os.killpg(self._running[name].pid, signal.SIGCONT)

    def processes(self) -> list[psutil.Process]:
        """The processes of all components, with those that they started."""
        roots = [psutil.Process(process.pid) for process in self._running.values()]
        return [*roots, *(member for root in roots for member in _family(root.pid))]

    def workers(self) -> list[psutil.Process]:
        """The LocalExecutor's worker processes that run a task now; the task itself is a child of its worker."""
        scheduler = psutil.Process(self._running["scheduler"].pid)
        return [worker for worker in scheduler.children() if _is_worker(worker) and worker.children()]

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows of a query on the metadata database."""
        with contextlib.closing(psycopg2.connect(self.database)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    @property
    def _has_celery(self) -> bool:
        return self.executor == "CeleryExecutor"

    def _healthy(self) -> bool:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise self._ended(name)
        try:
            health = requests.get(f"{self.url}/api/v2/monitor/health", timeout=5).json()
        except requests.RequestException:
            return False
        return all(part["status"] == "healthy" for part in health.values())

    def _ended(self, name: str) -> RuntimeError:
        code = self._running[name].returncode
        return RuntimeError(f"{name} ended with {code}:\n{self._log(name).read_text()[-3000:]}")

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"


def _options(home: Path, dags: Path, database: str, port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return {
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": url,
        "API__SECRET_KEY": secrets.token_hex(),
        "API_AUTH__JWT_SECRET": secrets.token_hex(),
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__PARALLELISM": str(PARALLELISM),
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "CORE__TEST_CONNECTION": "Enabled",
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DATABASE__SQL_ALCHEMY_CONN": sqlalchemy_url(database),
        # Only multi-team uses it, and for PostgreSQL it would need another driver.
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": "sqlite+aiosqlite://",
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        # A worker or a triggerer that was killed is missed after seconds, not minutes.
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "4",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A loaded machine answers late, and a task that cannot start fails.
        "WORKERS__EXECUTION_API_TIMEOUT": "30",
    }


def _without_airflow(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith(("AIRFLOW", "DOT_"))}


def _airflow() -> str:
    return str(Path(sys.executable).with_name("airflow"))


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "LocalExecutor" in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def _family(pid: int) -> list[psutil.Process]:
    try:
        return [*psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal_group(pid: int, how: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, how)


@contextlib.contextmanager
def running_cluster(dags: Path, executor: str = "LocalExecutor") -> Iterator[Cluster]:
    """Yield a healthy Airflow with a PostgreSQL of its own, and end both."""
    with running_postgres("cluster-") as (folder, server):
        (home := folder / "airflow").mkdir()
        server.psql("CREATE DATABASE airflow")
        cluster = Cluster(home, dags, server.get_uri("airflow"), executor)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
