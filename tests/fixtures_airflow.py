"""A real Airflow for tests: a metadata database of one's own, and DAGs that run in this process.

Airflow reads its settings when it is first imported, so they are set when this module is. The database is migrated once
for all test workers of a run, and copied.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.dag_registration import register

_HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
(_HOME / "dags").mkdir()

os.environ.update(
    AIRFLOW_HOME=str(_HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(_HOME / "dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_HOME}/airflow.db",
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(_HOME / "logs"),
    AIRFLOW__LOGGING__LOGGING_LEVEL="INFO",
    AIRFLOW__TRIGGERER__DEFAULT_CAPACITY="10",
)


@pytest.fixture(scope="session")
def airflow_db(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A migrated metadata database (SQLite) for this test worker."""
    common = tmp_path_factory.getbasetemp()
    common = common.parent if "PYTEST_XDIST_WORKER" in os.environ else common
    template = common / "airflow.db"
    with FileLock(common / "airflow.db.lock"):
        if not template.exists():
            command = [Path(sys.executable).with_name("airflow"), "db", "migrate"]
            subprocess.run(command, check=True, capture_output=True)
            shutil.copy(_HOME / "airflow.db", template)
    shutil.copy(template, _HOME / "airflow.db")


@pytest.fixture
def dot_connection(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets the connection ``dot_default`` for the rest of the test."""

    def set_connection(conn_id: str = "dot_default", **fields: Any) -> None:
        connection = {"conn_type": "dot", **fields}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))

    return set_connection


@pytest.fixture
def sandbox(dot_connection: Callable[..., None]) -> Iterator[Callable[..., Any]]:
    """A function that starts a sandbox with the given switches and points ``dot_default`` to it."""
    from contextlib import ExitStack

    from dot_provider.sandbox import Sandbox

    with ExitStack() as running:

        def start(**switches: Any) -> Sandbox:
            dot = running.enter_context(Sandbox(**switches))
            dot_connection(host=dot.base_url, password=dot.token)
            return dot

        yield start


class DagRunResult:
    """What became of a DAG run: states, errors and XComs of its tasks."""

    def __init__(self, dag_run: Any, attempts: list[Any]) -> None:
        self.dag_run = dag_run
        self._attempts = attempts

    @property
    def state(self) -> str:
        """The state of the DAG run."""
        return str(self.dag_run.state.value)

    @property
    def states(self) -> dict[str, str]:
        """The last state of each task; mapped ones as ``task[0]``."""
        return {_label(ti): str(ti.state) for ti in self.dag_run.get_task_instances()}

    def tries(self, task_id: str) -> int:
        """How often the task was started, resuming after a deferral not counted."""
        return max(ti.try_number for ti in self.dag_run.get_task_instances() if ti.task_id == task_id)

    def deferrals(self, task_id: str) -> int:
        """How often the task left for the triggerer."""
        return sum(a.state == "deferred" for a in self._attempts if a.ti.task_id == task_id)

    def error(self, task_id: str) -> BaseException:
        """The error that the task ended with."""
        errors = [a.error for a in self._attempts if a.ti.task_id == task_id and a.error is not None]
        assert errors, f"{task_id} did not fail"
        return errors[-1]

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """A value that the task pushed, or None."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            query = XComModel.get_many(
                run_id=self.dag_run.run_id,
                key=key,
                task_ids=task_id,
                dag_ids=self.dag_run.dag_id,
                map_indexes=map_index,
            )
            row = session.scalars(query).first()
            return XComModel.deserialize_value(row) if row else None


@pytest.fixture
def run_dag(airflow_db: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DagRunResult]:
    """A function that runs a DAG to its end with ``dag.test()`` and returns what became of it."""
    from airflow.sdk.execution_time import supervisor

    real, attempts = supervisor.run_task_in_process, list[Any]()

    def recorded(*args: Any, **kwargs: Any) -> Any:
        attempts.append(real(*args, **kwargs))
        return attempts[-1]

    monkeypatch.setattr(supervisor, "run_task_in_process", recorded)

    def run(dag: Any, **arguments: Any) -> DagRunResult:
        attempts.clear()
        register(dag)
        return DagRunResult(dag.test(**arguments), list(attempts))

    return run


@pytest.fixture
def run_task(run_dag: Callable[..., DagRunResult]) -> Callable[..., DagRunResult]:
    """A function that runs one task, made by ``make(**arguments)``, in a DAG of its own."""
    from airflow.sdk import DAG

    def run(make: Callable[..., Any], task_id: str = "task", **arguments: Any) -> DagRunResult:
        with DAG(f"dag_of_{make.__name__}", schedule=None) as dag:
            make(task_id=task_id, **arguments)
        return run_dag(dag)

    return run


def _label(ti: Any) -> str:
    return ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"
