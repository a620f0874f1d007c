"""The DAGs that the system tests run; the run's conf says which connection to use and what to ask."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, get_current_context

from dot_provider.operators import DotAskOperator

CONNECTION = "{{ dag_run.conf['connection'] }}"
QUESTION = "{{ dag_run.conf['question'] }}"
QUICK: dict[str, Any] = {"poll_interval": 0.5, "submit_timeout": 5, "retry_delay": timedelta(0)}

with DAG("asks", schedule=None):
    DotAskOperator(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, deferrable=True, retries=3, **QUICK)

with DAG("holds_its_worker", schedule=None):
    DotAskOperator(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, deferrable=False, retries=3, **QUICK)

with DAG("asks_for_a_number", schedule=None):
    DotAskOperator(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, expect="number", **QUICK)

with DAG("asks_about_five_regions", schedule=None):
    DotAskOperator.partial(task_id="ask", dot_conn_id=CONNECTION, deferrable=True, **QUICK).expand(
        question=[f"How many orders in region {number}?" for number in range(5)]
    )

for deferrable in (False, True):
    with DAG(f"asks_a_person_{'deferrable' if deferrable else 'blocking'}", schedule=None):
        DotAskOperator(
            task_id="ask",
            dot_conn_id=CONNECTION,
            question=QUESTION,
            follow_ups=["And why?"],
            deferrable=deferrable,
            on_credits="ask",
            retries=2,
            **QUICK,
        )

with DAG("asks_a_person_in_time", schedule=None):
    DotAskOperator(
        task_id="ask",
        dot_conn_id=CONNECTION,
        question=QUESTION,
        on_credits="ask",
        credits_timeout=3,
        retries=2,
        **QUICK,
    )

with DAG("gives_up", schedule=None):
    DotAskOperator(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, deferrable=True, timeout=3, **QUICK)


class DiesBeforeItDefers(DotAskOperator):
    """Its worker is killed between the response to its post and ``defer``, in the first try."""

    def defer(self, **arguments: Any) -> None:
        if get_current_context()["ti"].try_number == 1:
            for process in (os.getppid(), os.getpid()):
                os.kill(process, signal.SIGKILL)
        super().defer(**arguments)


with DAG("dies_before_it_defers", schedule=None):
    DiesBeforeItDefers(task_id="ask", dot_conn_id=CONNECTION, question=QUESTION, deferrable=True, retries=1, **QUICK)
