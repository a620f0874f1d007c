"""An evaluation as a gate in a DAG."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from dot_provider.api.client import DotClient
from dot_provider.api.errors import DotUsageError
from dot_provider.api.run_evaluation import evaluation_request
from dot_provider.operators import DotRunEvaluationOperator
from tests.until import until

BOTH_WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])
QUICK = {"poll_interval": 0.05, "retry_delay": timedelta(0)}


def _starts(dot: Any) -> int:
    return sum(r.method == "POST" and "/evaluations/" in r.path and r.status != 409 for r in dot.requests)


class _Store(dict[str, Any]):
    """What ``context["task_state_store"]`` is."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


def _context(store: _Store | None = None, **ti: Any) -> Any:
    facts = {"try_number": 1, "max_tries": 1, "xcom_push": lambda **_: None, **ti}
    return {"ti": SimpleNamespace(**facts), "task_state_store": store, "outlet_events": {}}


def _gated(**arguments: Any) -> DAG:
    with DAG("gated", schedule=None) as dag:
        DotRunEvaluationOperator(task_id="gate", **arguments, **QUICK) >> EmptyOperator(task_id="publish")
    return dag


@BOTH_WAYS
def test_a_pass_lets_the_dag_go_on(sandbox: Any, run_dag: Any, deferrable: bool) -> None:
    dot = sandbox(evaluation_polls=2)
    run = run_dag(_gated(evaluation_id="finance", deferrable=deferrable))
    assert run.states == {"gate": "success", "publish": "success"}
    verdict = run.xcom("gate")
    assert (verdict["verdict"], verdict["passed"], verdict["evaluation_id"]) == ("pass", 5, "finance")
    assert run.deferrals("gate") == deferrable
    assert _starts(dot) == 1


@BOTH_WAYS
def test_a_run_that_a_person_cancels_ends_the_gate_and_is_not_replaced(
    sandbox: Any, run_dag: Any, deferrable: bool
) -> None:
    dot = sandbox(evaluation_polls=10**6)

    def cancel() -> None:
        until(lambda: dot.workspace.evaluation_runs.get("evr_1"), "the run is there").cancelled = True

    person = Thread(target=cancel)
    person.start()
    run = run_dag(_gated(evaluation_id="finance", deferrable=deferrable))
    person.join()
    assert run.states == CLOSED
    assert _starts(dot) == 1


@BOTH_WAYS
def test_a_dot_that_cancels_each_run_is_paid_once_a_try(sandbox: Any, run_dag: Any, deferrable: bool) -> None:
    dot = sandbox()
    answers = [{"id": f"evr_{number}", "status": "cancelled"} for number in range(4)]
    for answer in answers:
        dot.fail_next("/evaluations/finance/runs", body=answer, status=200)
        dot.fail_next("/evaluation_runs", body=answer, status=200)
    run = run_dag(_gated(evaluation_id="finance", deferrable=deferrable))
    assert run.states == CLOSED
    assert _starts(dot) == 1


CLOSED, SKIPPED, OPEN = (
    {"gate": gate, "publish": publish}
    for gate, publish in (("failed", "upstream_failed"), ("skipped", "skipped"), ("success", "success"))
)


@BOTH_WAYS
@pytest.mark.parametrize(
    ("evaluation_id", "switches", "states"),
    [
        ("finance-fail", {}, CLOSED),
        ("finance-fail", {"on_fail": "skip"}, SKIPPED),
        ("finance-fail", {"on_fail": "warn"}, OPEN),
        ("finance-error", {"on_fail": "skip"}, CLOSED),
        ("finance-error", {"on_fail": "warn"}, CLOSED),
        ("finance-error", {"on_error": "warn"}, OPEN),
    ],
)
def test_another_verdict_does_what_the_gate_says(
    sandbox: Any, run_dag: Any, deferrable: bool, evaluation_id: str, switches: Any, states: dict[str, str]
) -> None:
    dot = sandbox(evaluation_polls=1)
    run = run_dag(_gated(evaluation_id=evaluation_id, **switches, deferrable=deferrable, retries=1))
    assert run.states == states
    assert run.xcom("gate", "evaluation_run")["verdict"] == evaluation_id.partition("-")[2]
    assert _starts(dot) == 1


@BOTH_WAYS
@pytest.mark.parametrize(
    ("evaluation_id", "gate", "state"),
    [
        ("finance-fail", {"min_pass_rate": 0.5}, "success"),
        ("finance-fail", {"min_pass_rate": 1}, "failed"),
        ("finance-error", {"min_pass_rate": 0}, "failed"),
    ],
)
def test_a_share_of_questions_may_be_enough_but_never_beside_an_error(
    sandbox: Any, run_task: Any, deferrable: bool, evaluation_id: str, gate: Any, state: str
) -> None:
    sandbox(evaluation_polls=1)
    run = run_task(DotRunEvaluationOperator, evaluation_id=evaluation_id, deferrable=deferrable, **gate, **QUICK)
    assert run.states == {"task": state}


@pytest.mark.parametrize("share", [90, -1, True, "0.9"])
def test_a_share_that_is_none_is_refused_when_the_dag_is_parsed(share: Any) -> None:
    with pytest.raises(DotUsageError, match="Task gate: min_pass_rate must be a share from 0 to 1"):
        DotRunEvaluationOperator(task_id="gate", evaluation_id="finance", min_pass_rate=share)


@BOTH_WAYS
def test_a_retry_waits_for_the_run_under_way(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(evaluation_polls=12)
    run = run_task(
        DotRunEvaluationOperator, evaluation_id="finance", deferrable=deferrable, timeout=0.2, retries=30, **QUICK
    )
    assert run.state == "success"
    assert run.tries("task") > 1
    assert _starts(dot) == 1


@BOTH_WAYS
def test_a_retry_takes_the_verdict_of_a_run_that_ended_between_two_tries(
    sandbox: Any, run_task: Any, deferrable: bool
) -> None:
    """Dot tells nobody who asks for another run of the one that has just ended, and each costs credits."""
    dot = sandbox(evaluation_polls=100)

    def finish(context: Any) -> None:
        with DotClient(token=dot.token, base_url=dot.base_url) as client:
            while not client.evaluation_run("evr_1").finished:
                pass

    run = run_task(
        DotRunEvaluationOperator,
        evaluation_id="finance",
        deferrable=deferrable,
        timeout=0.2,
        retries=1,
        on_retry_callback=finish,
        **QUICK,
    )
    assert run.state == "success"
    assert run.tries("task") == 2
    assert _starts(dot) == 1


def test_a_clear_starts_another_run(sandbox: Any) -> None:
    """Airflow raises ``max_tries`` when a user clears a task, and keeps what the task has stored."""
    dot, store = sandbox(evaluation_polls=0), _Store()
    task = DotRunEvaluationOperator(task_id="t", evaluation_id="finance")
    tries = [_context(store, try_number=1), _context(store, try_number=2), _context(store, try_number=3, max_tries=4)]
    assert [task.execute(context)["run_id"] for context in tries] == ["evr_1", "evr_1", "evr_2"]
    assert _starts(dot) == 2


def test_a_run_that_dot_has_deleted_is_started_again(sandbox: Any) -> None:
    dot, store = sandbox(evaluation_polls=0), _Store()
    store.set("evaluation_run", {"value": {"evaluation_id": "finance", "run_id": "evr_7"}, "max_tries": 1})
    task = DotRunEvaluationOperator(task_id="t", evaluation_id="finance")
    assert task.execute(_context(store, try_number=2))["run_id"] == "evr_1"
    assert _starts(dot) == 1


def test_an_airflow_that_keeps_nothing_between_tries_is_told_of_once(sandbox: Any, capsys: Any) -> None:
    sandbox(evaluation_polls=0)
    task = DotRunEvaluationOperator(task_id="t", evaluation_id="finance")
    task.execute(_context())
    assert "keeps nothing between tries" not in capsys.readouterr().out
    task.execute(_context(try_number=2))
    assert capsys.readouterr().out.count("keeps nothing between tries, which 3.3 and newer do") == 1


@BOTH_WAYS
def test_a_run_that_takes_too_long_may_be_retried(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    sandbox(evaluation_polls=10_000)
    run = run_task(DotRunEvaluationOperator, evaluation_id="finance", deferrable=deferrable, timeout=0.2, **QUICK)
    assert run.state == "failed"
    assert "has not finished in time" in str(run.error("task"))
    assert not isinstance(run.error("task"), AirflowFailException)


def test_a_triggerer_that_could_not_read_leaves_the_run_to_a_retry(sandbox: Any) -> None:
    sandbox(evaluation_polls=3)
    task = DotRunEvaluationOperator(task_id="t", evaluation_id="finance")
    with task.dot() as client:
        run = client.start_evaluation_run("finance")
        request = evaluation_request(client.server, "finance").to_record()
    carried = {"request": request, "runs": [run.id], "deadline": 1e12, "sql": ""}
    event = {"version": 1, "status": "unreadable", "reason": "DotAuthError", "run_id": run.id, "carried": carried}
    task.deferrable = True
    with pytest.raises(AirflowException, match=rf"lost sight of evaluation run {run.id} \(DotAuthError"):
        task.execute_complete(_context(), event)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"evaluation_id": ""}, "evaluation_id is empty"), ({"evaluation_id": "a/b"}, "evaluation_id 'a/b'")],
)
def test_bad_input_is_refused_before_anything_is_sent(sandbox: Any, arguments: Any, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotRunEvaluationOperator(task_id="t", **arguments).execute(_context())
    assert dot.requests == []


def test_an_unknown_gate_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(DotUsageError, match="on_fail must be one of fail, skip, warn, not 'stop'"):
        DotRunEvaluationOperator(task_id="t", evaluation_id="e", on_fail="stop")  # type: ignore[arg-type]
