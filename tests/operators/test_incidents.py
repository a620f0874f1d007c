"""Reporting incidents from a DAG."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.exceptions import AirflowFailException

from dot_provider.operators import DotReportIncidentsOperator

ITEM = {"table": "orders", "check": "row count", "status": "open", "severity": "error", "message": "0 rows"}


def test_opens_and_resolves(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    assert run_task(DotReportIncidentsOperator, items=[ITEM]).xcom("task") == {"open": 1, "resolved": 0}
    assert [(i.source, i.table, i.check) for i in dot.workspace.incidents.open] == [("airflow", "orders", "row count")]
    run = run_task(DotReportIncidentsOperator, items=[{**ITEM, "status": "resolved"}])
    assert run.xcom("task") == {"open": 0, "resolved": 1}
    assert dot.workspace.incidents.open == []


def test_an_empty_list_is_fine(sandbox: Any) -> None:
    dot = sandbox()
    assert DotReportIncidentsOperator(task_id="t", items=[]).execute({}) == {"open": 0, "resolved": 0}
    assert dot.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"items": ITEM}, "items must be a list of incidents, not dict"),
        ({"items": "orders"}, "items must be a list, not text"),
        ({"items": None}, "items must be a list of incidents, not NoneType"),
        ({"items": [ITEM, {"table": "orders"}]}, "Incident 2: check"),
        ({"items": [{**ITEM, "status": "closed"}]}, "status must be 'open' or 'resolved', not 'closed'"),
        ({"items": [{**ITEM, "severty": "x"}]}, "unknown field 'severty'"),
        ({"items": [ITEM], "source": ""}, "source is empty"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(sandbox: Any, arguments: Any, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotReportIncidentsOperator(task_id="t", **arguments).execute({})
    assert dot.requests == []
