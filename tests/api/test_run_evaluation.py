"""A run of an evaluation is started once, found again, waited for, and proven to be what was sent."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dot_provider.api import DotClient, EvaluationRun, EvaluationSuite, judge
from dot_provider.api._core.call import Call
from dot_provider.api.errors import (
    DotConflictError,
    DotError,
    DotEvaluationBrokenError,
    DotNotFoundError,
    DotProtocolError,
    DotRefusedError,
    DotServerError,
    DotTimeoutError,
    DotUsageError,
)
from dot_provider.api.evaluations import wait_for_evaluation
from dot_provider.api.run_evaluation import (
    MAX_TRIES,
    EvaluationRequest,
    Waiting,
    evaluate,
    evaluation_request,
    start_or_attach,
)
from dot_provider.api.wait import FAILING_FOR, POLL_FAILURES
from dot_provider.sandbox import Sandbox
from tests.api.runs import Run
from tests.both_clients import Connect
from tests.clock import FakeClock

RUNNING = EvaluationRun("evr_1", "running", total=5, pending=3)
PASSED = EvaluationRun("evr_1", "completed", True, "pass", 5, 5)
AWAY = DotServerError("away", status=503)
SHAPES = pytest.mark.parametrize("shape", ["full", "status", "verdict"])
ANSWERS = {
    "questions": [
        {"question": "How many orders?", "sql": "select count(*) from orders"},
        {"question": "How many customers?", "sql": "select count(distinct customer) from orders"},
    ]
}


def request(questions: Any = None, **fields: Any) -> EvaluationRequest:
    return EvaluationRequest("e1", "https://dot ", {"kind": "production"}, fields.pop("work", "w"), questions, **fields)


def suite(orders: str = "3", customers: str = "2") -> EvaluationSuite:
    questions = [
        {"id": "orders", "question": "How many orders?", "expected_answer": orders},
        {"id": "customers", "question": "How many customers?", "expected_answer": customers, "tolerance_pct": 0},
    ]
    return EvaluationSuite.read({"name": "Shop", "evaluation_id": "shop", "questions": questions})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """A function that starts a sandbox which answers from a warehouse with three orders."""
    path, running = tmp_path / "shop.duckdb", list[Sandbox]()
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table orders as select n as id, n % 2 as customer from range(3) t(n)")

    def start(**switches: Any) -> Sandbox:
        running.append(Sandbox(answers=ANSWERS, duckdb=path, **{"evaluation_polls": 1, **switches}).start())
        return running[-1]

    yield start
    for dot in running:
        dot.stop()


def starts(dot: Sandbox) -> list[dict[str, Any]]:
    return [r.json for r in dot.requests if r.method == "POST" and r.path.endswith("/runs")]  # type: ignore[misc]


def reading(*answers: EvaluationRun | DotError) -> Run:
    left = iter(answers)
    return Run(lambda call: next(left))


@SHAPES
@pytest.mark.parametrize(("evaluation", "verdict"), [("e1", "pass"), ("e-fail", "fail"), ("e-error", "error")])
def test_a_saved_evaluation_is_run_to_its_verdict(connect: Connect, shape: Any, evaluation: str, verdict: str) -> None:
    with Sandbox(evaluation_shape=shape) as dot:
        run = connect(dot.base_url).run_evaluation(evaluation)
        assert (run.finished, run.verdict, run.evaluation_id, run.total) == (True, verdict, evaluation, 5)
        (sent,) = starts(dot)
        assert (sent["trigger"], sent["target"]) == ("api", {"kind": "production"})


@pytest.mark.parametrize("shape", ["full", "status"])
def test_a_suite_is_graded_by_its_own_numbers(shop: Any, connect: Connect, shape: Any) -> None:
    dot = shop(evaluation_shape=shape)
    client = connect(dot.base_url)
    assert client.run_evaluation(suite=suite()).verdict == "pass"
    wrong = client.run_evaluation("shop", suite(customers="3"))
    assert {one.id: (one.verdict, one.expected, one.observed) for one in wrong.questions} == {
        "orders": ("pass", "3", "3"),
        "customers": ("fail", "3", "2"),
    }


def test_a_dot_that_ignores_what_was_sent_is_found_out(shop: Any, connect: Connect) -> None:
    client = connect(shop(evaluation_shape="verdict").base_url)
    with pytest.raises(DotEvaluationBrokenError, match="does not show by which questions"):
        client.run_evaluation(suite=suite())


@pytest.mark.parametrize("environment", [None, "env_1"])
@pytest.mark.parametrize("target", [None, "env_2", "production"])
def test_header_and_target_are_both_said(connect: Connect, environment: str | None, target: str | None) -> None:
    with Sandbox() as dot:
        for name in ("env_1", "env_2"):
            with DotClient(dot.token, dot.base_url) as admin:
                assert admin.create_environment(name).id
        client = connect(dot.base_url, environment=environment)
        client.run_evaluation("e1", target_environment=target)
        (start,) = [r for r in dot.requests if r.path.endswith("/runs")]
        wanted = environment if target is None else None if target == "production" else target
        assert start.headers.get("x-dot-environment") == environment
        assert start.json["target"].get("environment_id") == wanted  # type: ignore[index]


def test_a_lost_response_to_the_start_finds_the_run_it_started(dot: Sandbox, connect: Connect) -> None:
    dot.fail_next("/evaluations/", lose="reset", effect=True)
    run = connect(dot.base_url).run_evaluation("e1")
    assert (run.id, run.ok) == ("evr_1", True)
    first, second = starts(dot)
    assert first["idempotency_key"] == second["idempotency_key"]


def test_the_same_work_gets_the_same_run_and_another_one_its_own(shop: Any, connect: Connect) -> None:
    client = connect(shop().base_url)
    ids = [client.run_evaluation(suite=suite(), work=work).id for work in ("a", "a", "b", None, None)]
    assert ids == ["evr_1", "evr_1", "evr_2", "evr_3", "evr_4"]


def test_a_foreign_active_run_is_waited_for_and_never_taken(shop: Any, connect: Connect) -> None:
    dot = shop(evaluation_polls=3)
    client = connect(dot.base_url)
    _, theirs, _ = client.run(start_or_attach(evaluation_request(client.server, "shop", suite("9"), work="theirs")))
    ours = client.run_evaluation(suite=suite(), work="ours")
    assert (theirs.id, ours.id, ours.verdict) == ("evr_1", "evr_2", "pass")


class Crowded(DotClient):
    """A client beside which somebody else starts a run, before some of its requests."""

    moments: tuple[int, ...] = ()
    sent = 0

    async def _send(self, call: Call[Any], report: Any) -> Any:
        self.sent += 1
        if self.sent in self.moments:
            theirs = {"questions": suite("9").to_payload(), "idempotency_key": f"theirs-{self.sent}"}
            with DotClient("dot-sandbox-token", self.server.origin) as other, suppress(DotConflictError):
                other.start_evaluation_run("shop", theirs)
        return await super()._send(call, report)


@pytest.mark.parametrize("seed", range(100))
def test_a_foreign_run_is_never_judged_as_ours_whenever_it_comes(shop: Any, seed: int) -> None:
    """Ours comes after theirs, within the deadline, or nothing is judged."""
    rng = random.Random(seed)
    dot = shop(evaluation_polls=rng.randint(0, 4), evaluation_shape=rng.choice(["full", "status"]))
    with Crowded(dot.token, dot.base_url, clock=FakeClock()) as client:
        client.moments = tuple(rng.sample(range(1, 8), rng.randint(1, 3)))
        try:
            run = client.run_evaluation(suite=suite(), work="ours", timeout=rng.choice([15, 3600]))
        except DotTimeoutError:
            return
    assert judge(run, suite()).outcome == "pass"
    assert [one["expected_answer"] for one in dot.workspace.evaluation_runs[run.id].snapshot] == ["3", "2"]


def test_a_run_of_an_earlier_try_with_other_numbers_is_taken_with_its_own(shop: Any, connect: Connect) -> None:
    """Floats drift from one query to the next: the run is paid for, and its numbers were right when it began."""
    dot = shop(evaluation_polls=3)
    client = connect(dot.base_url)
    first = evaluation_request(client.server, "shop", suite(customers="2.0000000001"), work="w")
    client.run(start_or_attach(first))
    again = client.run_evaluation(suite=suite(), work="w")
    assert (again.id, len(dot.workspace.evaluation_runs)) == ("evr_1", 1)


def test_the_only_active_run_of_an_older_dot_is_taken(connect: Connect) -> None:
    with Sandbox(evaluation_shape="verdict") as dot:
        client = connect(dot.base_url)
        active = client.start_evaluation_run("e1")
        assert client.run_evaluation("e1").id == active.id


def test_a_cancelled_run_is_replaced_by_the_next_of_its_work(shop: Any, connect: Connect) -> None:
    client = connect(shop(evaluation_polls=9).base_url)
    asked = evaluation_request(client.server, "shop", suite(), work="w")
    _, first, _ = client.run(start_or_attach(asked))
    client.cancel_evaluation_run(first.id)
    for known in (None, first.id):
        _, second, ours = client.run(start_or_attach(asked, known))
        assert (second.id, ours) == ("evr_2", True)


def test_a_run_that_nobody_comes_back_to_is_cancelled_when_it_is_late(shop: Any, connect: Connect) -> None:
    dot = shop(evaluation_polls=10**6)
    client = connect(dot.base_url)
    with pytest.raises(DotTimeoutError):
        client.run_evaluation(suite=suite(), work="mine", timeout=30)
    assert dot.workspace.evaluation_runs["evr_1"].status == "running"
    dot.workspace.evaluation_runs["evr_1"].cancelled = True
    with pytest.raises(DotTimeoutError):
        client.run_evaluation(suite=suite(), timeout=30)
    assert dot.workspace.evaluation_runs["evr_2"].status == "cancelled"


def test_only_failed_questions_are_asked_again_and_are_flaky_where_they_pass(shop: Any, connect: Connect) -> None:
    """Thirty questions, of which two are answered wrong the first time."""
    dot = shop(evaluation_polls=0)
    thirty = [{"question": f"How many {n}?", "sql": f"select {n}"} for n in range(1, 31)]
    expected = [{"id": f"q{n}", "question": f"How many {n}?", "expected_answer": n} for n in range(1, 31)]
    made = type(dot.workspace.answers).model_validate
    wrong = [{**one, "sql": "select 99"} for one in thirty[:2]]
    dot.workspace.answers = made({"questions": [*wrong, *thirty[2:]]})
    seen: list[Any] = []

    def mended(runs: tuple[str, ...]) -> None:
        seen.append(runs)
        dot.workspace.answers = made({"questions": thirty})

    client = connect(dot.base_url)
    numbers = EvaluationSuite.read({"name": "n", "evaluation_id": "shop", "questions": expected})
    asked = evaluation_request(client.server, "shop", numbers, work="w")
    _, run = client.run(evaluate(asked, deadline=1e12, confirm_failures=1, on_start=mended))
    assert (run.verdict, run.flaky, run.passed, run.failed) == ("pass", ("q1", "q2"), 30, 0)
    assert seen == [("evr_1",), ("evr_1", "evr_2")]
    assert [len(sent["questions"]) for sent in starts(dot)] == [30, 2]
    gate = asked.judge(run)
    assert (gate.outcome, gate.flaky) == ("pass", ("q1", "q2"))


@pytest.mark.parametrize("field", ["evaluation_id", "archived", "commit"])
def test_a_refused_start_says_what_to_do(dot: Sandbox, connect: Connect, field: str) -> None:
    client = connect(dot.base_url)
    if field == "evaluation_id":
        with pytest.raises(DotUsageError, match="evaluation_id"):
            client.run_evaluation()
        assert dot.requests == []
    elif field == "archived":
        with pytest.raises(DotRefusedError, match="e-archived is archived: restore it"):
            client.run_evaluation("e-archived")
    else:
        commit = client.evaluation_target().commit
        with pytest.raises(DotRefusedError, match=rf"it is at {commit}, and expected_target_commit is {'0' * 40}"):
            client.run_evaluation("e1", expected_target_commit="0" * 40)
        assert client.run_evaluation("e1", expected_target_commit=commit).target_commit == commit


def test_what_can_be_refused_is_refused_before_anything_is_sent(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    empty = EvaluationSuite.read({"name": "s", "evaluation_id": "e", "questions": []})
    for arguments in ({"suite": empty}, {"evaluation_id": "a/b"}, {"expected_target_commit": "main"}):
        with pytest.raises(DotUsageError):
            client.run_evaluation(**{"evaluation_id": "e1", **arguments})
    assert dot.requests == []


def test_a_run_can_be_left_to_somebody_else_and_gone_on_with(shop: Any, connect: Connect) -> None:
    client = connect(shop(evaluation_polls=2).base_url)
    asked = evaluation_request(client.server, "shop", suite(), work="w")
    _, waiting = client.run(evaluate(asked, deadline=1e12, wait=False))
    assert waiting == Waiting("evr_1", ("evr_1",))
    client.run(wait_for_evaluation("evr_1", deadline=1e12))
    carried = EvaluationRequest(**asked.to_record())
    sent, run = client.run(evaluate(carried, deadline=1e12, wait=False, started=("evr_1",)))
    assert sent.judge(run).outcome == "pass"


@pytest.mark.parametrize("payload", [None, "busy", {}, {"active_run_id": None}])
def test_a_conflict_that_names_no_run_is_an_error(payload: Any) -> None:
    with pytest.raises(DotConflictError):
        reading(DotConflictError("x", status=409, payload=payload))(start_or_attach(request()))


def test_the_run_of_an_earlier_try_is_returned_also_where_it_has_finished(dot: Sandbox, connect: Connect) -> None:
    client = connect(dot.base_url)
    ended = client.run_evaluation("e1")
    _, run, ours = client.run(start_or_attach(request(), ended.id))
    assert (run.ok, ours, len(starts(dot))) == (True, True, 1)


def test_another_run_is_started_where_that_of_the_earlier_try_is_gone(dot: Sandbox, connect: Connect) -> None:
    assert connect(dot.base_url).run(start_or_attach(request(), "evr_9"))[1].id == "evr_1"


def test_a_run_of_another_target_is_cancelled_at_once() -> None:
    wrong = replace(RUNNING, target={"kind": "environment", "environment_id": "env_9"})
    run = reading(wrong, EvaluationRun("evr_1"), replace(wrong, status="cancelled", finished=True))
    _, found = run(evaluate(request(), deadline=1e12))
    assert run.calls[1] == "cancel evaluation run evr_1"
    assert request().judge(found).outcome == "error"


def test_a_run_that_dot_cancels_at_once_is_replaced_for_those_only_who_may_have_killed_it(connect: Connect) -> None:
    with Sandbox() as dot:
        dot.fail_next("/evaluations/e1/runs", body={"id": "evr_1", "status": "cancelled"}, status=200, times=100)
        client = connect(dot.base_url)
        assert judge(client.run_evaluation("e1")).outcome == "error"
        assert len(starts(dot)) == 1
        assert judge(client.run_evaluation("e1", work="w")).outcome == "error"
        assert len(starts(dot)) == 1 + MAX_TRIES


def test_the_run_of_an_earlier_try_that_broke_down_is_judged_and_not_started_again(connect: Connect) -> None:
    with Sandbox() as dot:
        broken = {"id": "evr_1", "status": "error"}
        dot.fail_next("/evaluations/e1/runs", body=broken, status=200)
        dot.fail_next("/evaluation_runs", body=broken, status=200)
        assert judge(connect(dot.base_url).run_evaluation("e1")).outcome == "error"
        assert len(starts(dot)) == 1


def test_another_run_than_the_one_asked_for_is_no_answer(connect: Connect) -> None:
    with Sandbox() as dot:
        client = connect(dot.base_url)
        first = client.start_evaluation_run("e1")
        dot.fail_next("/evaluation_runs", body={"id": "evr_9", "status": "completed"}, status=200)
        with pytest.raises(DotProtocolError):
            client.evaluation_run(first.id)


def test_polls_come_at_their_interval_and_never_past_the_deadline() -> None:
    run = reading(RUNNING, RUNNING, RUNNING)
    with pytest.raises(DotTimeoutError, match=r"evr_1 has not finished in time\. Raise timeout"):
        run(wait_for_evaluation("evr_1", deadline=run.clock.now() + 15, poll_interval=10))
    assert run.clock.waits == [10, 5]


def test_a_status_that_is_not_known_is_named_when_the_time_is_over() -> None:
    with pytest.raises(DotTimeoutError, match="'brewing'"):
        reading(replace(RUNNING, status="brewing"))(wait_for_evaluation("evr_1", deadline=0))


def test_a_run_that_has_finished_is_returned_also_behind_the_deadline() -> None:
    """A trigger that is restarted late must not lose a result that is there."""
    assert reading(PASSED)(wait_for_evaluation("evr_1", deadline=0)) is PASSED


def test_failed_looks_are_borne_until_too_many_follow_each_other() -> None:
    some = [AWAY, DotProtocolError("cut", retryable=True)] * (POLL_FAILURES // 2)
    run = reading(*some[:-1], RUNNING, *some[:-1], PASSED)
    assert run(wait_for_evaluation("evr_1", deadline=1e12)) is PASSED
    with pytest.raises(DotError, match=r"away|cut"):
        reading(*some)(wait_for_evaluation("evr_1", deadline=1e12, poll_interval=FAILING_FOR))


@pytest.mark.parametrize("error", [DotNotFoundError("gone", status=404), DotProtocolError("a page")])
def test_a_failure_that_waiting_does_not_mend_ends_the_wait(error: DotError) -> None:
    with pytest.raises(type(error)):
        reading(error)(wait_for_evaluation("evr_1", deadline=1e12))


def test_each_step_is_told() -> None:
    answers = iter([DotConflictError("x", status=409, payload={"active_run_id": "evr_1"}), RUNNING, RUNNING, PASSED])
    run = Run(lambda call: next(answers))
    assert run(evaluate(request(), deadline=1e12))[1] is PASSED
    assert run.said == [
        "Attached to the active run evr_1 of evaluation e1",
        "Evaluation run evr_1: 2 of 5 done",
        "Evaluation run evr_1 finished with verdict pass: 5 of 5 questions passed, 0 failed, 0 ended in an error",
    ]
