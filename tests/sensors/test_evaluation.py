"""Waiting for evaluation runs that others have started."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.exceptions import AirflowFailException

from dot_provider.api import DotClient
from dot_provider.sensors import DotEvaluationSensor

BOTH_WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])


def _started(dot: Any, evaluation_id: str) -> str:
    with DotClient(dot.token, dot.base_url) as client:
        return client.start_evaluation_run(evaluation_id).id


@BOTH_WAYS
@pytest.mark.parametrize("shape", ["full", "status", "verdict"])
def test_waits_for_a_pass(sandbox: Any, run_task: Any, deferrable: bool, shape: str) -> None:
    dot = sandbox(evaluation_polls=3, evaluation_shape=shape)
    run = run_task(DotEvaluationSensor, run_id=_started(dot, "finance"), poke_interval=0.05, deferrable=deferrable)
    assert run.xcom("task")["verdict"] == "pass"
    assert run.deferrals("task") == deferrable


@BOTH_WAYS
@pytest.mark.parametrize(("require_pass", "state"), [(True, "failed"), (False, "success")])
def test_another_verdict_fails_unless_it_may_be_any(
    sandbox: Any, run_task: Any, deferrable: bool, require_pass: bool, state: str
) -> None:
    dot = sandbox(evaluation_polls=2)
    run = run_task(
        DotEvaluationSensor,
        run_id=_started(dot, "finance-fail"),
        poke_interval=0.05,
        deferrable=deferrable,
        require_pass=require_pass,
    )
    assert run.states == {"task": state}


def test_an_unknown_run_fails_at_once(sandbox: Any) -> None:
    sandbox()
    with pytest.raises(AirflowFailException, match="404"):
        DotEvaluationSensor(task_id="t", run_id="evr_unknown").poke({})
