"""A gate in a process that dies by SIGKILL before one of its steps; run by ``test_evaluation_killed``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger, TriggerEvent

from dot_provider.api._core.call import SystemClock
from dot_provider.api._http.blocking import BlockingTransport
from dot_provider.evaluations import report
from dot_provider.evaluations.suite import EvaluationSuite
from dot_provider.hooks import sql
from dot_provider.operators import DotRunEvaluationOperator


class Steps:
    """Counts what a task does to the world outside; the process does not live to do number ``deadly``."""

    def __init__(self, deadly: int) -> None:
        self.deadly = deadly
        self.taken: list[str] = []

    def take(self, name: str) -> None:
        """Begin a step, or die before it."""
        self.taken.append(name)
        if len(self.taken) == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def are_calls_of(self, place: Any, name: str) -> None:
        """Make each call of a function a step."""
        function: Callable[..., Any] = getattr(place, name)

        @wraps(function)
        def step(*args: Any, **kwargs: Any) -> Any:
            self.take(name)
            return function(*args, **kwargs)

        setattr(place, name, step)


class Store:
    """Airflow's ``task_state_store`` in a file, which outlives the process."""

    def __init__(self, file: Path, steps: Steps) -> None:
        self.file, self.steps = file, steps

    def get(self, key: str) -> Any:
        """Return what was kept."""
        return json.loads(self.file.read_text())[key] if self.file.exists() else None

    def set(self, key: str, value: Any) -> None:
        """Keep it."""
        self.steps.take("set")
        self.file.with_suffix(".new").write_text(json.dumps({key: value}))
        self.file.with_suffix(".new").replace(self.file)


class Connection:
    """The warehouse, each statement of which is a step."""

    def __init__(self, conn_id: str, connect: Callable[[str], Any], steps: Steps) -> None:
        steps.take("connect")
        self.connection, self.steps = connect(conn_id), steps

    def cursor(self) -> Any:
        """Return a cursor for one statement."""
        self.steps.take("query")
        return self.connection.cursor()

    def close(self) -> None:
        """Close it."""
        self.connection.close()


def run_gate(folder: Path, connections: dict[str, str], memory: bool, deferrable: bool, deadly: int, **ti: Any) -> None:
    """Run one try of the gate whose suite lies in ``folder``, and leave there what its steps were."""
    os.environ.update(connections)  # a fork server keeps the environment that it was started in
    steps, connect = Steps(deadly), sql.sql_connection
    for place, name in (
        (EvaluationSuite, "read"),
        (BlockingTransport, "exchange"),
        (SystemClock, "sleep"),
        (report, "save_gate"),
    ):
        steps.are_calls_of(place, name)
    sql.sql_connection = lambda conn_id: Connection(conn_id, connect, steps)
    facts = {"dag_id": "d", "run_id": "r", "task_id": "gate", "map_index": -1, "try_number": 1, "max_tries": 2, **ti}
    pushing = SimpleNamespace(**facts, xcom_push=lambda **_: steps.take("xcom_push"))
    store = Store(folder / "store.json", steps) if memory else None
    context: Any = {"ti": pushing, "outlet_events": {}, "task_state_store": store}
    with DAG("d", schedule=None):
        gate = DotRunEvaluationOperator(
            task_id="gate",
            suite_file=folder / "shop.yaml",
            sql_conn_id="warehouse",
            save_to=folder,
            poll_interval=0.02,
            deferrable=deferrable,
        )
    try:
        found = gate.execute(context)
    except TaskDeferred as left:
        steps.take("defer")
        event = asyncio.run(_first_event(left.trigger))
        found = gate.execute_complete(context, event.payload)
    steps.take("end")
    (folder / "steps.json").write_text(json.dumps(steps.taken))
    if found["outcome"] != "pass":
        raise SystemExit("The gate is closed.")


async def _first_event(trigger: BaseTrigger) -> TriggerEvent:
    async for event in trigger.run():
        return event
    raise AssertionError("a trigger without an event")
