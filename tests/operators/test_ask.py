"""Asking from a DAG."""

from __future__ import annotations

from typing import Any

import pytest

from dot_provider.operators import DotAskOperator


@pytest.mark.parametrize("deferrable", [False, True])
def test_asks_once_and_returns_the_answer(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=2, hold_requests=False)
    run = run_task(DotAskOperator, question="How many orders?", deferrable=deferrable, poll_interval=0.05)
    assert run.state == "success"
    answer = run.xcom("task")
    assert answer["text"]
    assert dot.conversations[answer["chat_id"]].posts == 1
    assert run.deferrals("task") == deferrable
