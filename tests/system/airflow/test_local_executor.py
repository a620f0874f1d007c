"""What the provider promises, on a real scheduler with LocalExecutor, triggerer and PostgreSQL, with real kills."""

from __future__ import annotations

import base64
import signal
import time
from dataclasses import replace
from typing import Any

import psutil
import pytest

from dot_provider.api import DotClient
from dot_provider.sandbox import Sandbox
from tests.clock import FakeClock
from tests.system.airflow.asking import Connected, answer_now, asked, posts
from tests.system.airflow.cluster import PARALLELISM, Cluster
from tests.system.airflow.conftest import TOKEN
from tests.system.airflow.rest import Rest, Run
from tests.until import until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def only_worker(cluster: Cluster) -> psutil.Process:
    """Return the worker of the only task that is at work; that of an earlier test can still be ending."""
    ((worker,),) = until(lambda: [found for found in [cluster.workers()] if len(found) == 1], "one task is at work")
    return worker


def triggers(cluster: Cluster) -> list[tuple[object, ...]]:
    return cluster.query("SELECT id, kwargs::text FROM trigger WHERE classpath LIKE '%DotAnswerTrigger'")


def waits_for_a_person(run: Run, cluster: Cluster) -> None:
    run.reaches("awaiting_input" if run.rest.version() >= (3, 3) else "deferred")
    until(lambda: not cluster.workers(), "the worker has let go of the task")
    time.sleep(3)  # no person is so quick that the scheduler has not heard of that: it would take the task for lost


def test_a_deferred_question_is_posted_once_and_holds_no_worker_slot(
    cluster: Cluster, rest: Rest, connected: Connected
) -> None:
    dot, connection = connected()
    run = rest.run("asks", connection=connection, question="How many orders?")
    run.reaches("deferred")
    pool = rest.call("GET", "/pools/default_pool")
    assert (pool["occupied_slots"], pool["deferred_slots"]) == (0, 1)
    until(lambda: not cluster.workers(), "the worker has let go of the task")

    answer_now(dot)
    assert run.ended() == "success"
    assert run.answer()["text"]
    assert posts(dot) == [1]
    assert sum(request.method == "POST" for request in dot.requests) == 1


def test_more_mapped_questions_than_worker_slots_wait_at_once_and_each_is_asked_once(
    rest: Rest, connected: Connected
) -> None:
    dot, connection = connected()
    run = rest.run("asks_about_five_regions", connection=connection)
    run.reaches("deferred")
    assert len(run.tasks) == 5 > PARALLELISM

    answer_now(dot)
    assert run.ended() == "success"
    assert posts(dot) == [1] * 5
    questions = {conversation.turns[0].question for conversation in dot.conversations.values()}
    assert questions == {f"How many orders in region {number}?" for number in range(5)}


@pytest.mark.parametrize("whole_worker", [False, True], ids=["the task's process", "the worker with its task"])
@pytest.mark.parametrize("dag_id", ["asks", "holds_its_worker"])
def test_a_task_that_is_killed_right_after_its_post_is_retried_and_attaches(
    cluster: Cluster, rest: Rest, connected: Connected, dag_id: str, whole_worker: bool
) -> None:
    dot, connection = connected()
    # Dot has the question; the task does not know it yet, and has left for nowhere.
    dot.fail_next("/agentic", effect=True, latency=60)
    run = rest.run(dag_id, connection=connection, question="How many orders?")
    asked(run, dot)
    worker = only_worker(cluster)
    for process in [*worker.children(), *([worker] if whole_worker else [])]:
        process.kill()

    until(lambda: run.tasks[0]["try_number"] == 2, "the scheduler has noticed and tries again")
    until(lambda: "Attached to the question already asked" in run.log(2), "the retry has found the question")
    answer_now(dot)
    assert run.ended() == "success"
    assert posts(dot) == [1]


def test_a_worker_that_dies_between_its_post_and_its_deferral_leaves_one_question_with_one_answer(
    rest: Rest, connected: Connected
) -> None:
    dot, connection = connected()
    run = rest.run("dies_before_it_defers", connection=connection, question="How many orders?")
    run.reaches("deferred")
    answer_now(dot)
    assert run.ended() == "success"
    assert run.tasks[0]["try_number"] == 2
    assert "Attached to the question already asked" in run.log(2)
    assert run.answer()["text"]
    assert posts(dot) == [1]
    assert sum(request.method == "POST" for request in dot.requests) == 1


def test_a_killed_triggerer_is_replaced_by_one_that_waits_on_with_the_same_deadline(
    cluster: Cluster, rest: Rest, connected: Connected
) -> None:
    dot, connection = connected()
    run = rest.run("asks", connection=connection, question="How many orders?")
    run.reaches("deferred")
    before = triggers(cluster)
    assert len(before) == 1
    assert "deadline" in str(before[0])

    cluster.stop_component("triggerer", signal.SIGKILL)
    looks = len(dot.requests)
    cluster.start_component("triggerer")
    until(lambda: len(dot.requests) > looks, "the new triggerer looks at the chat")
    assert triggers(cluster) == before

    answer_now(dot)
    assert run.ended() == "success"
    assert posts(dot) == [1]


@pytest.mark.parametrize("way", ["blocking", "deferrable"])
def test_a_person_lets_dot_spend_more_credits(cluster: Cluster, rest: Rest, connected: Connected, way: str) -> None:
    dot, connection = connected(answer_polls=0)
    run = rest.run(f"asks_a_person_{way}", connection=connection, question="How many orders? [confirm]")
    waits_for_a_person(run, cluster)

    run.decide("Continue")
    assert run.ended() == "success"
    assert run.tasks[0]["try_number"] == 1
    assert run.answer()["question"] == "How many orders? [confirm]"
    assert run.answer()["text"]
    (chat,) = dot.conversations.values()
    assert [turn.question for turn in chat.turns] == ["How many orders? [confirm]", "Yes, keep going", "And why?"]


def test_a_no_ends_the_task_for_good(cluster: Cluster, rest: Rest, connected: Connected) -> None:
    dot, connection = connected(answer_polls=0)
    run = rest.run("asks_a_person_blocking", connection=connection, question="How many orders? [confirm]")
    waits_for_a_person(run, cluster)

    run.decide("Stop")
    assert run.ended() == "failed"
    assert run.tasks[0]["try_number"] == 1
    assert "a person has stopped it" in run.log()
    assert sum(request.method == "POST" for request in dot.requests) == 1


def test_no_decision_in_time_ends_the_task_for_good(rest: Rest, connected: Connected) -> None:
    _, connection = connected(answer_polls=0)
    run = rest.run("asks_a_person_in_time", connection=connection, question="How many orders? [confirm]")
    assert run.ended() == "failed"
    assert run.tasks[0]["try_number"] == 1
    assert "nobody has decided in time" in run.log()


def test_an_agreement_in_dot_counts_and_is_not_given_twice(cluster: Cluster, rest: Rest, connected: Connected) -> None:
    dot, connection = connected(answer_polls=0)
    run = rest.run("asks_a_person_blocking", connection=connection, question="How many orders? [confirm]")
    waits_for_a_person(run, cluster)
    (chat_id,) = dot.conversations
    DotClient(dot.token, dot.base_url).follow_up("Go ahead", chat_id)

    run.decide("Continue")
    assert run.ended() == "success"
    (chat,) = dot.conversations.values()
    assert [turn.question for turn in chat.turns] == ["How many orders? [confirm]", "Go ahead", "And why?"]


def test_two_triggerers_that_watch_one_question_end_in_one_answer(
    cluster: Cluster, rest: Rest, connected: Connected
) -> None:
    """A triggerer that was only slow comes back while another has taken over its trigger."""
    dot, connection = connected()
    run = rest.run("asks", connection=connection, question="How many orders?")
    run.reaches("deferred")
    cluster.pause_component("triggerer")
    try:
        cluster.start_component("triggerer --skip-serve-logs")
        looks = len(dot.requests)
        until(lambda: len(dot.requests) > looks, "the second triggerer looks at the chat")
    finally:
        cluster.resume_component("triggerer")
    answer_now(dot)
    assert run.ended() == "success"
    cluster.stop_component("triggerer --skip-serve-logs")
    assert posts(dot) == [1]


def test_conversations_start_a_dag_once_each_also_those_from_while_the_triggerer_was_down(
    cluster: Cluster, rest: Rest, connected: Connected
) -> None:
    if rest.version() < (3, 3):
        pytest.skip("before 3.3, Airflow keeps nothing for a watcher")
    dot, _ = connected(connection_id="dot_watched", answer_polls=0)
    rate(dot, "from before the first start", "negative")
    rest.unpause("looks_into_it")
    looks(dot, 2)
    rate(dot, "liked", "positive")
    rate(dot, "disliked", "negative")
    assert chats_looked_into(rest, 1) == [["disliked"]]

    looks(dot, 2)  # what was seen is kept after an event, before the next look
    cluster.stop_component("triggerer", signal.SIGKILL)
    rate(dot, "disliked meanwhile", "negative")
    cluster.start_component("triggerer")
    assert chats_looked_into(rest, 2) == [["disliked"], ["disliked meanwhile"]]

    looks(dot, 2)
    rest.unpause("looks_into_it", paused=True)
    assert len(chats_looked_into(rest, 2)) == 2


def rate(dot: Sandbox, chat_id: str, rating: str) -> None:
    """Ask, and say what somebody thinks of the answer."""
    with DotClient(dot.token, dot.base_url, clock=FakeClock()) as client:
        client.ask("How many orders?", chat_id=chat_id)
    reply = dot.conversations[chat_id].turns[0].reply
    assert reply is not None
    reply["feedback"] = {"rating": rating}


def looks(dot: Sandbox, more: int) -> None:
    """Wait until the watcher has looked so many times from now on."""

    def seen() -> int:
        return sum(request.path == "/api/export_history" and request.status == 200 for request in dot.requests)

    end = seen() + more
    until(lambda: seen() >= end, "the watcher has looked")


def chats_looked_into(rest: Rest, runs: int) -> list[Any]:
    """Wait for so many runs of the DAG; return what each was started for."""
    until(lambda: len(rest.runs("looks_into_it", "chats")) >= runs, f"run {runs} was started")
    found = rest.runs("looks_into_it", "chats")
    assert [run.ended() for run in found] == ["success"] * len(found)
    return [run.answer() for run in found]


def test_clear_asks_anew(rest: Rest, connected: Connected) -> None:
    dot, connection = connected(answer_polls=1)
    run = rest.run("asks", connection=connection, question="How many orders?")
    assert run.ended() == "success"
    first = run.answer()["chat_id"]

    run.clear()
    until(lambda: len(dot.conversations) == 2, "the cleared task has asked")
    assert run.ended() == "success"
    assert posts(dot) == [1, 1]
    assert run.answer()["chat_id"] != first


def test_a_deferred_question_that_takes_too_long_fails_with_the_link_to_its_chat(
    rest: Rest, connected: Connected
) -> None:
    dot, connection = connected()
    run = rest.run("gives_up", connection=connection, question="How many orders?")
    assert run.ended() == "failed"
    (chat_id,) = dot.conversations
    (said,) = run.said("error", "dot_provider")
    assert "Dot has not answered in time" in said
    assert f"{dot.base_url}/?c={chat_id}" in said.splitlines()
    assert run.links() == {"Open in Dot": f"{dot.base_url}/?c={chat_id}"}


def test_the_link_to_the_chat_is_there_after_success(rest: Rest, connected: Connected) -> None:
    dot, connection = connected(answer_polls=0)
    run = rest.run("asks", connection=connection, question="How many orders?")
    assert run.ended() == "success"
    (chat_id,) = dot.conversations
    assert run.links() == {"Open in Dot": f"{dot.base_url}/?c={chat_id}"}


def test_the_connection_form_says_who_the_token_belongs_to(rest: Rest, connected: Connected) -> None:
    dot, connection = connected()
    expected = "Dot accepts the token. It belongs to Ada Admin (admin@sandbox.example), role admin."
    assert rest.test_connection(dot.base_url, TOKEN) == (True, expected)
    assert rest.test_saved_connection(connection) == (True, expected)
    if rest.workers_test_connections():
        assert rest.test_connection_on_a_worker(dot.base_url, TOKEN) == (True, expected)


def test_a_connection_saved_with_what_the_form_fills_in_works(rest: Rest, connected: Connected) -> None:
    dot, _ = connected(answer_polls=0)
    fields = rest.form("dot")["extra_fields"]
    if fields is None:
        pytest.skip("before 3.2, Airflow's form knows no fields of providers")
    extra = {name: field["value"] for name, field in fields.items()}
    assert "X-API-KEY" in extra.values()
    rest.connect("as_filled_in", dot.base_url, TOKEN, extra)
    assert rest.run("asks", connection="as_filled_in", question="How many orders?").ended() == "success"


def test_the_connection_form_says_what_to_do_about_a_wrong_token_and_does_not_show_it(
    rest: Rest, connected: Connected
) -> None:
    dot, _ = connected()
    ways = [rest.test_connection, *([rest.test_connection_on_a_worker] if rest.workers_test_connections() else [])]
    for test in ways:
        ok, message = test(dot.base_url, f"not-{TOKEN}")
        assert not ok
        assert "401" in message
        assert TOKEN not in message


def test_the_token_is_in_no_log_and_in_no_row_of_the_database(
    cluster: Cluster, rest: Rest, connected: Connected
) -> None:
    """Also after failures, and of all tests before; the connection's own row is encrypted."""
    dot, connection = connected()
    dot.fail_next("/auth/me", status=500, detail=f"Dot says {TOKEN}")
    rest.test_connection(dot.base_url, TOKEN)
    failing = rest.run("asks", connection=connection, question="[fail] How many orders?")
    waiting = rest.run("asks", connection=connection, question="How many orders?")
    until(lambda: len(dot.conversations) == 2, "both have asked")
    waiting.reaches("deferred")
    assert rows_with(cluster, TOKEN) == []
    answer_now(dot)
    assert waiting.ended() == "success"
    until(lambda: failing.tasks[0]["try_number"] > 1, "the failed question is retried")

    assert rows_with(cluster, TOKEN) == []
    logs = [path for path in cluster.home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".log" and "attempt=" in path.name for path in logs)
    assert [path for path in logs if TOKEN.encode() in path.read_bytes()] == []


def test_incidents_of_a_dag_and_its_tasks_last_until_they_succeed(rest: Rest, connected: Connected) -> None:
    """The DAG processor runs a DAG's callbacks, and there the task of their context is any one, without a state."""
    dot, connection = connected()

    def run(fails: str) -> set[str]:
        assert rest.run("fills_orders", connection=connection, fails=fails).ended() == (
            "failed" if fails else "success"
        )
        told = ["resolved", "open"][bool(fails)]
        until(lambda: {"fills_orders": told}.items() <= last_words(dot).items(), "the DAG's callback has run")
        return {incident.check for incident in dot.workspace.incidents.open}

    assert run(fails="load") == {"fills_orders", "fills_orders.load"}
    assert run(fails="transform") == {"fills_orders", "fills_orders.transform"}
    assert run(fails="") == set()


def last_words(dot: Sandbox) -> dict[str, str]:
    """What was last reported of each check."""
    sent = [request.json for request in dot.requests if request.path.endswith("/quality/incidents")]
    return {item["check"]: item["status"] for body in sent for item in body["items"]}


def test_a_missed_deadline_opens_an_incident_of_the_dag(rest: Rest, connected: Connected) -> None:
    dot, _ = connected("dot_late")
    run = rest.run("is_late")
    (incident,) = until(lambda: list(dot.workspace.incidents.open), "the deadline has passed")
    assert (incident.check, incident.severity) == ("is_late.deadline", "warn")
    assert incident.message == f"is_late missed its deadline in run {run.run_id}"
    answer_now(dot)
    assert run.ended() == "success"


def rows_with(cluster: Cluster, text: str) -> list[tuple[str, object]]:
    """The tables of the metadata database with rows that hold a text, as it is, as bytes or in base64."""
    tables = cluster.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    encoded = [text, text.encode().hex(), base64.b64encode(text.encode()).decode().rstrip("=")]
    like = " OR ".join(f"t::text LIKE '%{form}%'" for form in encoded)
    found: list[tuple[str, Any]] = []
    for (table,) in tables:
        ((count,),) = cluster.query(f'SELECT count(*) FROM "{table}" t WHERE {like}')
        if count:
            found.append((str(table), count))
    return found


@pytest.mark.parametrize("how", ["SIGTERM", "marked", "execution_timeout", "marked while deferred"])
def test_a_gate_that_is_ended_cancels_its_evaluation(
    cluster: Cluster, rest: Rest, connected: Connected, how: str
) -> None:
    if how == "marked while deferred" and rest.version() < (3, 3):
        pytest.skip("Airflow tells a trigger since 3.3")
    dags = {"execution_timeout": "evaluates_for_three_seconds", "marked while deferred": "evaluates_in_the_triggerer"}
    dot, connection = connected(evaluation_polls=10**6)
    run = replace(rest.run(dags.get(how, "evaluates"), connection=connection), task_id="gate")
    runs = dot.workspace.evaluation_runs
    until(lambda: runs and len([r for r in dot.requests if r.path.startswith("/api/evaluation_runs")]) > 1, "it waits")
    if how == "SIGTERM":
        worker = only_worker(cluster)
        for process in worker.children():
            process.terminate()
        until(lambda: len(runs) == 2, "the retry has started another run")
        assert runs["evr_1"].status == "cancelled"
    if how == "marked while deferred":
        run.reaches("deferred")
    if how != "execution_timeout":
        rest.call("PATCH", f"{run.path}/taskInstances/gate", {"new_state": "failed"})
    until(lambda: {one.status for one in runs.values()} == {"cancelled"}, "the runs are cancelled", seconds=40)
    assert run.ended() == "failed"
    assert how != "execution_timeout" or len(runs) == 1  # the retry waited for the run of the first try


def test_nothing_outlives_the_cluster(cluster: Cluster) -> None:
    processes = cluster.processes()
    assert processes
    cluster.stop()
    assert [process for process in processes if process.is_running()] == []
