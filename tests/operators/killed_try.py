"""A try of a task in a process of its own, which may be killed; run by ``test_ask``."""

from __future__ import annotations

import os
from types import SimpleNamespace

from dot_provider.api import client
from tests.clock import QuickClock
from tests.deadly import die_after_post


def run_try(connection: str, try_number: int, post: int) -> None:
    """Ask a question and a follow-up; die right after Dot served POST number ``post``, if any."""
    os.environ["AIRFLOW_CONN_DOT_DEFAULT"] = connection  # a fork server keeps the environment that it was started in
    from dot_provider.operators import DotAskOperator

    client.SystemClock = QuickClock  # type: ignore[misc]
    if post:
        die_after_post(post)
    facts = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": 1, "try_number": try_number}
    task = DotAskOperator(task_id="t", question="How many orders?", follow_ups=["Why?"], poll_interval=0.1)
    task.execute({"ti": SimpleNamespace(**facts, xcom_push=lambda **_: None), "outlet_events": {}})
