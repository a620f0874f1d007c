from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api

ORDERS = {"id": "orders.count", "question": "How many orders are there?", "expected_answer": 3, "tolerance_pct": 0}
REVENUE = {"id": "revenue", "question": "What is our revenue?", "expected_answer": "€ 12.50", "tolerance_pct": 1}
ANSWERS: dict[str, Any] = {
    "questions": [
        {"question": "How many orders are there?", "sql": "select count(*) as orders from orders"},
        {"question": "What is our revenue?", "sql": "select sum(amount) as revenue from orders"},
        {"question": "When was the last order?", "sql": "select max(day) as day from orders"},
        {
            "question": "Which share was returned?",
            "sql": "select 100.0 * count(*) filter (amount > 5) / count(*) as share from orders",
        },
        {"question": "Orders by day?", "sql": "select day, count(*) as orders from orders group by 1"},
        {"question": "What is broken?", "sql": "select nothing from orders"},
    ],
    "evaluations": [
        {"id": "shop-basics", "questions": [ORDERS, REVENUE]},
        {"id": "old", "archived": True, "questions": [ORDERS]},
    ],
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table orders as select * from (values (1, 2.50, date '2026-01-01'), (2, 4.00, date '2026-01-02'),"
            " (3, 6.00, date '2026-01-02')) t(id, amount, day)"
        )
    return path


@pytest.fixture
def started(warehouse: Path) -> Iterator[Callable[..., Api]]:
    """A function that starts a sandbox which answers from the warehouse."""
    running: list[Sandbox] = []

    def start(**switches: Any) -> Api:
        dot = Sandbox(**{"answers": ANSWERS, "duckdb": warehouse, "evaluation_polls": 0, **switches}).start()
        running.append(dot)
        return Api(dot)

    yield start
    for dot in running:
        dot.stop()


def start(api: Api, evaluation: str = "shop-basics", status: int = 200, **body: Any) -> dict[str, Any]:
    response = api.post(f"/evaluations/{evaluation}/runs", {"trigger": "api", **body})
    assert response.status_code == status, response.text
    run: dict[str, Any] = response.json()
    return run


def verdicts(run: dict[str, Any]) -> dict[str, str]:
    return {result["id"]: result["verdict"] for result in run["results"]}


@pytest.mark.parametrize(("evaluation", "verdict"), [("smoke", "pass"), ("fail_one", "fail"), ("error_one", "error")])
def test_a_run_is_pending_until_its_verdict(api: Api, evaluation: str, verdict: str) -> None:
    run = start(api, evaluation)["id"]
    reads = [api.get(f"/evaluation_runs/{run}").json() for _ in range(3)]
    assert [read["verdict"] for read in reads] == ["pending", "pending", verdict]
    assert [read["finished"] for read in reads] == [False, False, True]
    assert [read["status"] for read in reads] == ["running", "running", "completed"]
    for read in reads:
        summary = read["summary"]
        assert sum(summary[k] for k in ("pass", "fail", "error", "pending")) == summary["total"]


def test_a_second_run_is_409_and_names_the_first(api: Api) -> None:
    run = start(api, "smoke")
    assert start(api, "smoke", status=409)["detail"]["active_run_id"] == run["id"]
    start(api, "other")


def test_after_a_run_has_finished_another_can_start() -> None:
    with Sandbox(evaluation_polls=0) as dot:
        assert start(Api(dot), "smoke")["id"] != start(Api(dot), "smoke")["id"]


def test_unknown_runs_and_evaluations_are_404(api: Api, started: Callable[..., Api]) -> None:
    assert api.get("/evaluation_runs/none").status_code == 404
    assert api.post("/evaluation_runs/none/cancel").status_code == 404
    start(api, "missing", status=404)
    start(started(), "not-in-the-file", status=404)
    start(api, "smoke", status=404, target={"kind": "environment", "environment_id": "none"})
    assert api.get("/evaluations/target?environment_id=none").status_code == 404


def test_a_saved_evaluation_is_graded_from_the_warehouse(started: Callable[..., Api], warehouse: Path) -> None:
    api = started()
    run = start(api)
    assert (run["verdict"], verdicts(run)) == ("pass", {"orders.count": "pass", "revenue": "pass"})
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from orders where id = 1")
    run = start(api)
    assert (run["verdict"], verdicts(run)) == ("fail", {"orders.count": "fail", "revenue": "fail"})
    assert [(r["expected_answer"], r["observed_answer"]) for r in run["results"]] == [(3, "2"), ("€ 12.50", "10.00")]


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        ({"question": "Which share was returned?", "expected_answer": "33.3%", "tolerance_pct": 1}, "pass"),
        ({"question": "Which share was returned?", "expected_answer": "0.333"}, "fail"),
        ({"question": "When was the last order?", "expected_answer": "2026-01-02"}, "pass"),
        ({"question": "When was the last order?", "expected_answer": "2026-01-03"}, "fail"),
        ({"question": "When was the last order?", "expected_answer": 3}, "error"),
        ({"question": "Orders by day?", "expected_answer": 3}, "error"),
        ({"question": "What is broken?", "expected_answer": 3}, "error"),
        ({"question": "How many orders are there? [fail]", "expected_answer": 3}, "error"),
        ({"question": "How many orders are there? [confirm]", "expected_answer": 3}, "error"),
    ],
)
def test_a_snapshot_of_questions_is_graded(started: Callable[..., Api], question: dict[str, Any], verdict: str) -> None:
    run = start(started(), questions=[{"id": "q", **question}])
    (result,) = run["results"]
    assert result["verdict"] == run["verdict"] == verdict
    assert bool(result["reason"]) is (verdict != "pass")
    assert run["summary"] == {"total": 1, "pass": 0, "fail": 0, "error": 0, "pending": 0} | {verdict: 1}
    assert [(one["id"], one["question"]) for one in run["data"]["question_snapshot"]] == [("q", question["question"])]


def test_each_question_is_a_conversation(started: Callable[..., Api]) -> None:
    api = started()
    for result in start(api)["results"]:
        assert api.dot.conversations[result["chat_id"]].status == "answered"
        assert api.session.get(result["conversation_url"], timeout=5).status_code == 200


def test_made_up_answers_are_never_graded(started: Callable[..., Api]) -> None:
    assert start(started(answers=None, duckdb=None), "smoke", questions=[ORDERS])["verdict"] == "error"


def test_the_target_is_echoed_and_read_first(started: Callable[..., Api], warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema pr_7; create table pr_7.orders as select * from main.orders where id = 1")
    api = started()
    environment = api.post("/environments", {"name": "pr-7"}).json()["id"]
    before = api.get(f"/evaluations/target?environment_id={environment}").json()["target_commit"]
    api.send("PUT", f"/environments/{environment}/targets", json={"schema": "pr_7"})
    shown = api.get(f"/evaluations/target?environment_id={environment}").json()
    target = {"kind": "environment", "environment_id": environment}
    assert (shown["target"], shown["target_label"], shown["target_overrides"]) == (target, "pr-7", {"schema": "pr_7"})
    assert shown["target_commit"] != before
    run = start(api, target=target, expected_target_commit=shown["target_commit"])
    assert (run["target"], run["target_commit"]) == (target, shown["target_commit"])
    assert run["verdict"] == "fail"
    assert start(api, target={"kind": "production"})["verdict"] == "pass"
    # Without a target it is the environment that the header names.
    headers = {"X-Dot-Environment": environment}
    assert api.post("/evaluations/shop-basics/runs", {}, headers=headers).json()["target"] == target
    assert start(api)["target"] == {"kind": "production"}


def test_another_commit_is_refused_before_anything_is_answered(started: Callable[..., Api]) -> None:
    api = started()
    assert "mismatch" in start(api, status=422, expected_target_commit="0" * 40)["detail"]
    assert not api.dot.conversations


def test_a_repeated_key_attaches_to_its_run(started: Callable[..., Api]) -> None:
    api = started()
    run = start(api, idempotency_key="k")
    assert start(api, idempotency_key="k")["id"] == run["id"]
    start(api, idempotency_key="k", questions=[ORDERS], status=422)
    start(api, idempotency_key="k", evaluation="old", status=422)
    assert start(api, idempotency_key="other")["id"] != run["id"]


def test_a_key_attaches_while_the_run_is_active(started: Callable[..., Api]) -> None:
    api = started(evaluation_polls=5)
    run = start(api, idempotency_key="k", metadata={"dag_id": "shop"})
    assert start(api, idempotency_key="k", metadata={"dag_id": "shop"})["id"] == run["id"]
    start(api, idempotency_key="other", status=409)
    assert run["metadata"] == {"dag_id": "shop"}


def test_a_cancelled_run_is_over_and_no_pass(started: Callable[..., Api]) -> None:
    api = started(evaluation_polls=5)
    run = start(api)
    assert api.post(f"/evaluation_runs/{run['id']}/cancel").json()["status"] == "cancelled"
    read = api.get(f"/evaluation_runs/{run['id']}").json()
    assert (read["status"], read["finished"], read["verdict"]) == ("cancelled", True, "error")
    assert start(api)["id"] != run["id"]


def test_cancelling_what_has_finished_changes_nothing(started: Callable[..., Api]) -> None:
    api = started()
    run = start(api)
    assert api.post(f"/evaluation_runs/{run['id']}/cancel").json()["verdict"] == "pass"


@pytest.mark.parametrize("evaluation", ["old", "archived-one"])
def test_an_archived_evaluation_refuses_runs(api: Api, started: Callable[..., Api], evaluation: str) -> None:
    assert "archived" in start(started() if evaluation == "old" else api, evaluation, status=422)["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"question": [ORDERS]},
        {"questions": []},
        {"questions": [{**ORDERS, "sql": "select 1"}]},
        {"questions": [{**ORDERS, "id": ".x"}]},
        {"questions": [ORDERS, ORDERS]},
        {"questions": [{**ORDERS, "tolerance_pct": 101}]},
        *(
            {"questions": [{**ORDERS, "expected_answer": answer}]}
            for answer in (True, None, "many", "1,234", "nan", "")
        ),
        {"questions": [{**ORDERS, "answer_type": "date"}]},
        {"target": "production"},
        {"target": {"kind": "environment"}},
        {"trigger": "cron"},
        {"metadata": {"try": 1}},
        {"expected_target_commit": "main"},
        {"idempotency_key": ""},
    ],
)
def test_a_bad_body_is_422(api: Api, body: dict[str, Any]) -> None:
    assert start(api, "smoke", status=422, **body)["detail"]


def test_in_autumn_the_verdict_follows_from_the_results(started: Callable[..., Api]) -> None:
    run = start(started(evaluation_shape="status"))
    assert not {"finished", "verdict", "summary"} & set(run)
    assert run["status"] == "completed"
    assert [result["verdict"] for result in run["data"]["results"]] == ["pass", "pass"]


def test_before_autumn_only_the_trigger_is_known(started: Callable[..., Api]) -> None:
    api = started(evaluation_shape="verdict")
    run = start(api, questions=[{**ORDERS, "expected_answer": 99}], expected_target_commit="0" * 40)
    assert set(run) == {"id", "evaluation_id", "trigger", "status", "finished", "verdict", "summary"}
    assert run["verdict"] == "pass"
    assert run["summary"]["total"] == 2
    assert api.post(f"/evaluation_runs/{run['id']}/cancel").status_code == 404
    assert api.get("/evaluations/target").status_code == 404


def test_a_warehouse_that_is_not_there_is_an_error(started: Callable[..., Api], tmp_path: Path) -> None:
    run = start(started(duckdb=tmp_path / "later.duckdb"))
    assert run["verdict"] == "error"
    assert "later.duckdb" in run["results"][0]["reason"]
