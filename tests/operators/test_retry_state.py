"""How long a failed task waits before its next try."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.exceptions import AirflowException
from airflow.sdk import DAG
from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryDecision

from dot_provider.operators import DotSyncConnectionOperator
from dot_provider.sandbox import Sandbox


def _decision(dot: Sandbox, try_number: int = 1, **arguments: Any) -> RetryDecision:
    """What Airflow is told after a try that failed."""
    task = DotSyncConnectionOperator(task_id="t", connection_type="dbt", connection_id="c", retries=3, **arguments)
    with pytest.raises(AirflowException) as failed:
        task.execute({})
    context: Any = {"ti": SimpleNamespace(task=task)}
    return task.retry_policy.evaluate(failed.value, try_number, 3, context)


def test_a_retry_waits_as_long_as_dot_asks(sandbox: Any) -> None:
    dot = sandbox()
    dot.fail_next("/sync", status=429, retry_after=3600)
    told = _decision(dot)
    assert (told.action, told.retry_delay, told.reason) == (
        RetryAction.RETRY,
        timedelta(hours=1),
        "Dot asks to wait 3600 s.",
    )


@pytest.mark.parametrize(
    ("retry_delay", "backoff", "try_number"),
    [(timedelta(hours=2), 0, 1), (timedelta(minutes=20), 2, 3)],
    ids=["fixed", "exponential"],
)
def test_the_tasks_own_delay_counts_where_it_is_longer(
    sandbox: Any, retry_delay: timedelta, backoff: float, try_number: int
) -> None:
    dot = sandbox()
    dot.fail_next("/sync", status=429, retry_after=3600)
    told = _decision(dot, try_number, retry_delay=retry_delay, retry_exponential_backoff=backoff)
    assert told == RetryDecision.default()


def test_a_failure_without_dots_word_on_it_is_left_to_airflow(sandbox: Any) -> None:
    dot = sandbox()
    dot.fail_next("/sync", status=500, times=100)
    assert _decision(dot) == RetryDecision.default()


def test_another_policy_of_the_users_stays(sandbox: Any) -> None:
    policy = ExceptionRetryPolicy(rules=[])
    with DAG("d", default_args={"retry_policy": policy}):
        task = DotSyncConnectionOperator(task_id="t", connection_type="dbt", connection_id="c")
    assert task.retry_policy is policy


def test_airflow_asks_the_policy(sandbox: Any, run_task: Any, mocker: Any) -> None:
    """In a real run; the wait itself is cut short, because ``dag.test()`` would wait it out."""
    sandbox().fail_next("/sync", status=429, retry_after=3600)
    waits: list[datetime] = []

    def soon(ti: Any) -> datetime:
        waits.append(ti.end_date + timedelta(seconds=ti.retry_delay_override))
        return datetime.now(timezone.utc)

    mocker.patch("airflow.models.taskinstance.TaskInstance.next_retry_datetime", soon)
    began = datetime.now(timezone.utc)
    run = run_task(DotSyncConnectionOperator, connection_type="dbt", connection_id="c", retries=1)
    assert run.state == "success"
    assert waits[0] - began > timedelta(minutes=59)
