"""Puts deferred tasks into a metadata database, as their first half on a worker leaves them; for ``triggerer.py``.

python -m benchmarks.deferred dot|http COUNT POLL_INTERVAL LAG_FILE
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from tests.dag_registration import register


class LagTrigger(BaseTrigger):
    """Writes into ``path`` by how many seconds a timer of 50 ms was late at most, since that file was last removed."""

    def __init__(self, path: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.path = path

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what Airflow stores."""
        return "benchmarks.deferred.LagTrigger", {"path": self.path}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch until the triggerer ends."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.05)
            self._note(time.perf_counter() - began - 0.05)  # a few bytes; an await would measure itself
        yield TriggerEvent({})  # type: ignore[no-untyped-call]

    def _note(self, late: float) -> None:
        kept, draft = Path(self.path), Path(f"{self.path}.draft")
        draft.write_text(str(max(late, float(kept.read_text()) if kept.exists() else 0.0)))
        draft.replace(kept)


def _dot(number: int, poll_interval: float) -> tuple[str, dict[str, Any]]:
    from dot_provider.triggers.answer import DotAnswerTrigger

    return DotAnswerTrigger(
        dot_conn_id="dot_default",
        environment=None,
        chat_id=f"chat-{number}",
        positions=[0],
        deadline=time.time() + 3600,
        poll_interval=poll_interval,
    ).serialize()


def _http(number: int, _: float) -> tuple[str, dict[str, Any]]:
    from airflow.providers.http.triggers.http import HttpTrigger

    body = {"messages": [{"role": "user", "content": "How many orders?"}], "chat_id": f"chat-{number}"}
    return HttpTrigger(
        "http_default",
        endpoint="api/agentic",
        headers={"Content-Type": "application/json"},
        data=json.dumps(body),
    ).serialize()


def main(way: str, count: int, poll_interval: float, lag_file: str) -> None:
    """Write one DAG run with ``count`` deferred tasks, and one whose trigger watches the event loop."""
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    rows = [{"dot": _dot, "http": _http}[way](number, poll_interval) for number in range(count)]
    rows.append(LagTrigger(lag_file).serialize())
    run = _dag_run(len(rows))
    with create_session() as session:
        for ti in run.get_task_instances(session=session):
            classpath, kwargs = rows[int(ti.task_id.removeprefix("q"))]
            session.add(trigger := Trigger(classpath, kwargs))
            session.flush()
            ti.state, ti.trigger_id, ti.next_method, ti.try_number = "deferred", trigger.id, "execute_complete", 1
            ti.next_kwargs = {}


def _dag_run(tasks: int) -> Any:
    from airflow._shared.timezones import timezone
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with DAG("questions", schedule=None) as dag:
        for number in range(tasks):
            EmptyOperator(task_id=f"q{number}")
    register(dag)
    with create_session() as session:
        stored = SerializedDagModel.get_dag("questions", session=session)
        return stored.create_dagrun(
            run_id="benchmark",
            run_after=timezone.utcnow(),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state="running",
            session=session,
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
