"""Asking from a DAG."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.exceptions import AirflowException, AirflowFailException, TaskDeferred
from airflow.sdk import DAG

from dot_provider.api.errors import DotUsageError
from dot_provider.operators import DotAskOperator
from tests.operators.killed_try import run_try

BOTH_WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])
QUICK = {"poll_interval": 0.05, "retry_delay": timedelta(0)}


@BOTH_WAYS
def test_asks_once_and_returns_the_answer(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=2, hold_requests=False)
    run = run_task(DotAskOperator, question="How many orders?", labels=["weekly"], deferrable=deferrable, **QUICK)
    assert run.state == "success"
    answer = run.xcom("task")
    assert answer["text"]
    assert answer["question"] == "How many orders?"
    assert list(dot.conversations) == [answer["chat_id"]]
    assert dot.conversations[answer["chat_id"]].posts == 1
    assert dot.conversations[answer["chat_id"]].labels == ["weekly"]
    assert run.deferrals("task") == deferrable


@BOTH_WAYS
def test_follow_ups_are_asked_one_after_another_in_the_same_chat(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=1, hold_requests=False)
    follow_ups = ["By region?", "And over time?"]
    run = run_task(DotAskOperator, question="How many orders?", follow_ups=follow_ups, deferrable=deferrable, **QUICK)
    assert run.state == "success"
    answer = run.xcom("task")
    assert [record["question"] for record in answer["follow_ups"]] == follow_ups
    assert all(record["text"] for record in answer["follow_ups"])
    (chat,) = dot.conversations.values()
    assert [turn.question for turn in chat.turns] == ["How many orders?", *follow_ups]
    assert run.deferrals("task") == (3 if deferrable else 0)


def test_values_of_the_answer_are_handed_on_by_name(sandbox: Any, run_dag: Any) -> None:
    sandbox()
    with DAG("by_name", schedule=None) as dag:
        ask = DotAskOperator(task_id="ask", question="How many orders?")

        @dag.task
        def publish(text: str, url: str) -> str:
            return f"{text} {url}"

        publish(ask.output["text"], ask.output["url"])
    run = run_dag(dag)
    answer = run.xcom("ask")
    assert run.xcom("publish") == f"{answer['text']} {answer['url']}"


@pytest.mark.parametrize("mapped", [False, True])
def test_texts_stay_texts_where_templates_are_rendered_as_native_objects(
    sandbox: Any, run_dag: Any, mapped: bool
) -> None:
    dot = sandbox()
    follow_ups = ["{{ '1.50' }}", '"quoted"', "None", "{{ '[\"orders\"]' }}"]
    texts = {"question": "{{ 2020 + 6 }}", "follow_ups": follow_ups, "labels": "{{ ['a', 'b'] }}", "mode": "{{ none }}"}
    with DAG("native", schedule=None, render_template_as_native_obj=True) as dag:
        if mapped:
            DotAskOperator.partial(task_id="ask").expand_kwargs([texts])
        else:
            DotAskOperator(task_id="ask", **texts)
    run_dag(dag)
    (chat,) = dot.conversations.values()
    assert [turn.question for turn in chat.turns] == ["2026", "1.50", '"quoted"', "None", '["orders"]']
    assert chat.labels == ["a", "b"]


@BOTH_WAYS
def test_an_answer_without_a_form_is_taken_from_a_quiet_chat(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=1, hold_requests=False)

    class TextOnly(DotAskOperator):
        def _go_on(self, context: Any, dot_client: Any, series: Any, step: Any) -> Any:
            for chat in dot.conversations.values():
                for turn in chat.turns:
                    turn.reply = {"role": "assistant", "content": f"To {turn.question}: 42."}
            return super()._go_on(context, dot_client, series, step)

    again = {"retries": 10, "retry_delay": timedelta(0)}  # a slow machine can take all of the time for itself
    run = run_task(TextOnly, question="How many?", deferrable=deferrable, timeout=3, poll_interval=0.2, **again)
    assert run.state == "success"
    assert run.xcom("task")["text"] == "To How many?: 42."


def test_an_answer_that_is_there_already_needs_no_deferral(sandbox: Any, run_task: Any) -> None:
    sandbox()
    run = run_task(DotAskOperator, question="How many orders?", deferrable=True)
    assert (run.state, run.deferrals("task")) == ("success", 0)


def test_an_answer_that_outlasts_its_post_is_waited_for_in_the_triggerer(sandbox: Any, run_task: Any) -> None:
    dot = sandbox(answer_seconds=1.5)
    run = run_task(DotAskOperator, question="How many orders?", deferrable=True, submit_timeout=0.5, **QUICK)
    assert (run.state, run.deferrals("task")) == ("success", 1)
    assert [chat.posts for chat in dot.conversations.values()] == [1]


@BOTH_WAYS
def test_a_retry_attaches_to_the_question_under_way(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(answer_polls=12, hold_requests=False)
    run = run_task(DotAskOperator, question="How many orders?", deferrable=deferrable, timeout=0.3, retries=30, **QUICK)
    assert run.state == "success"
    assert run.tries("task") > 1
    assert [chat.posts for chat in dot.conversations.values()] == [1]


@pytest.mark.usefixtures("quick_clock")
@BOTH_WAYS
def test_a_retry_asks_a_failed_question_anew(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(hold_requests=False, answer_polls=1)
    run = run_task(DotAskOperator, question="[fail] How many?", deferrable=deferrable, retries=1, **QUICK)
    assert (run.state, run.tries("task")) == ("failed", 2)
    assert [chat.posts for chat in dot.conversations.values()] == [1, 1]
    assert "Dot could not answer: The sandbox was asked to fail this question." in str(run.error("task"))


@pytest.mark.usefixtures("quick_clock")
@BOTH_WAYS
def test_a_retry_goes_on_with_the_follow_up_that_failed(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(hold_requests=False, answer_polls=1)
    run = run_task(
        DotAskOperator, question="How many?", follow_ups=["[fail] Why?"], deferrable=deferrable, retries=1, **QUICK
    )
    assert (run.state, run.tries("task")) == ("failed", 2)
    (chat,) = dot.conversations.values()
    assert [turn.question for turn in chat.turns] == ["How many?", "[fail] Why?", "[fail] Why?"]


@BOTH_WAYS
def test_a_question_of_credits_is_looked_at_by_each_retry_and_asked_once(
    sandbox: Any, run_task: Any, deferrable: bool
) -> None:
    dot = sandbox(hold_requests=False, answer_polls=1)
    run = run_task(DotAskOperator, question="[confirm] Everything", deferrable=deferrable, retries=1, **QUICK)
    assert (run.state, run.tries("task")) == ("failed", 2)
    assert "more credits" in str(run.error("task"))
    assert [chat.posts for chat in dot.conversations.values()] == [1]


@BOTH_WAYS
def test_a_timeout_ends_the_task_with_the_link_to_the_chat(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    dot = sandbox(hold_requests=False, answer_polls=10_000)
    run = run_task(DotAskOperator, question="How many?", deferrable=deferrable, timeout=0.2, **QUICK)
    (chat_id,) = dot.conversations
    assert run.state == "failed"
    assert f"{dot.base_url}/?c={chat_id}" in str(run.error("task"))
    assert not isinstance(run.error("task"), AirflowFailException)


def test_a_failed_task_keeps_its_link_and_chat_id(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    run = run_task(DotAskOperator, question="[fail] How many?")
    (chat_id,) = dot.conversations
    assert run.xcom("task", "chat_id") == chat_id
    assert run.xcom("task", "_link_DotLink") == f"{dot.base_url}/?c={chat_id}"


def test_mapped_tasks_ask_in_chats_of_their_own(sandbox: Any, run_dag: Any) -> None:
    dot = sandbox()
    with DAG("mapped_questions", schedule=None) as dag:
        DotAskOperator.partial(task_id="ask").expand(question=["How many orders?", "How many customers?"])
    run = run_dag(dag)
    assert run.states == {"ask[0]": "success", "ask[1]": "success"}
    assert len(dot.conversations) == 2


@pytest.mark.usefixtures("quick_clock")
def test_a_chosen_chat_id_is_rendered_and_used(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    run = run_task(DotAskOperator, question="How many orders?", chat_id="daily-{{ dag.dag_id }}")
    assert run.state == "success"
    assert list(dot.conversations) == ["daily-dag_of_DotAskOperator"]


def _ti(**changes: Any) -> Any:
    facts = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "max_tries": 2, "try_number": 1}
    return SimpleNamespace(**{**facts, **changes}, xcom_push=lambda **_: None)


@pytest.mark.usefixtures("quick_clock")
def test_a_clear_asks_anew_and_an_automatic_retry_does_not(sandbox: Any) -> None:
    """Airflow raises ``max_tries`` when a user clears a task, and leaves it alone on its own retries."""
    dot = sandbox()
    task = DotAskOperator(task_id="t", question="How many orders?")
    chats = [task.execute({"ti": ti, "outlet_events": {}})["chat_id"] for ti in (_ti(), _ti(try_number=2))]
    cleared = task.execute({"ti": _ti(try_number=3, max_tries=4), "outlet_events": {}})["chat_id"]
    assert chats[0] == chats[1] != cleared
    assert [chat.posts for chat in dot.conversations.values()] == [1, 1]


@pytest.mark.usefixtures("quick_clock")
def test_a_first_try_posts_at_once_and_others_look_again(sandbox: Any) -> None:
    dot = sandbox()
    dot.fail_next("/c2", status=404, times=3)
    facts = {"outlet_events": {}}
    DotAskOperator(task_id="t", question="How many?").execute({"ti": _ti(), **facts})
    assert [r.method for r in dot.requests] == ["GET", "POST"]
    DotAskOperator(task_id="t", question="How many?").execute({"ti": _ti(try_number=2), **facts})
    assert [r.method for r in dot.requests] == ["GET", "POST", "GET", "GET", "GET"]


@pytest.mark.parametrize("post", [1, 2], ids=["question", "follow-up"])
def test_a_killed_try_s_question_is_found_also_where_dot_shows_it_late(sandbox: Any, processes: Any, post: int) -> None:
    dot = sandbox(unseen_seconds=0.3)
    exits = []
    for try_number, dies in ((1, post), (2, 0)):
        process = processes.Process(target=run_try, args=(os.environ["AIRFLOW_CONN_DOT_DEFAULT"], try_number, dies))
        process.start()
        process.join(120)
        exits.append(process.exitcode)
    (chat,) = dot.conversations.values()
    assert exits == [-signal.SIGKILL, 0]
    assert chat.posts == 1
    assert [turn.question for turn in chat.turns] == ["How many orders?", "Why?"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"question": ""}, "question is empty"),
        ({"question": None}, "question must be text"),
        ({"question": "q", "mode": "cheap"}, "mode must be one of"),
        ({"question": "q", "follow_ups": "why?"}, "follow_ups must be a list"),
        ({"question": "q", "follow_ups": ["a", " "]}, r"follow_ups\[1\] is empty"),
        ({"question": "q", "labels": "weekly"}, "labels must be a list"),
        ({"question": "q", "labels": [""]}, r"labels\[0\] is empty"),
        ({"question": "q", "chat_id": ""}, "chat_id is empty"),
        ({"question": "q", "chat_id": "../x"}, "chat_id '../x'"),
        ({"question": "q", "environment": ""}, "environment is empty"),
        ({"question": "q", "save_to": ""}, "save_to is empty"),
        ({"question": "q", "dot_conn_id": "nowhere"}, "no connection 'nowhere'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(sandbox: Any, arguments: Any, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotAskOperator(task_id="t", **arguments).execute({"ti": _ti()})
    assert dot.requests == []


@pytest.mark.parametrize("arguments", [{"timeout": 0}, {"timeout": "1h"}, {"poll_interval": -1}])
def test_impossible_times_are_refused_when_the_dag_is_parsed(arguments: Any) -> None:
    with pytest.raises(DotUsageError, match=r"Task t: .* must be a number of seconds above 0"):
        DotAskOperator(task_id="t", question="q", **arguments)


@pytest.mark.parametrize(
    "event",
    [None, "done", {}, {"version": 2, "status": "finished"}, {"version": 1, "status": "finished", "chat_id": "c"}],
)
def test_an_event_that_is_not_ours_fails_loudly_and_may_be_retried(sandbox: Any, event: Any) -> None:
    sandbox()
    with pytest.raises(AirflowException, match="event cannot be read") as refused:
        DotAskOperator(task_id="t", question="q").execute_complete({"ti": _ti()}, event)
    assert not isinstance(refused.value, AirflowFailException)


@pytest.mark.usefixtures("quick_clock")
def test_a_triggerer_that_could_not_read_costs_no_answer(sandbox: Any) -> None:
    """The worker looks itself: what is answered counts, what is not is left for a retry."""
    dot = sandbox(answer_polls=1, hold_requests=False)
    task = DotAskOperator(task_id="t", question="How many orders?", chat_id="chat", deferrable=True)
    with pytest.raises(TaskDeferred):
        task.execute({"ti": _ti()})
    event = {"version": 1, "status": "unreadable", "reason": "DotAuthError", "chat_id": "chat", "positions": [0]}
    dot.conversations["chat"].turns[0].polls_left = 1
    with pytest.raises(AirflowException, match=r"lost sight of .*chat.* \(DotAuthError"):
        task.execute_complete({"ti": _ti()}, event)
    assert task.execute_complete({"ti": _ti(), "outlet_events": {}}, event)["text"]


@pytest.mark.parametrize(
    ("status", "words"),
    [("timeout", "not answered in time"), ("unreadable", "lost sight of"), ("finished", "lost sight of")],
)
def test_a_chat_that_never_appeared_is_left_to_a_retry(sandbox: Any, status: str, words: str) -> None:
    """A question whose post was kept waiting may not be in the chat yet when the wait ends."""
    dot = sandbox()
    event = {"version": 1, "status": status, "chat_id": "chat", "positions": [0]}
    with pytest.raises(AirflowException, match=words) as late:
        DotAskOperator(task_id="t", question="How many orders?").execute_complete({"ti": _ti()}, event)
    assert not isinstance(late.value, AirflowFailException)
    assert f"{dot.base_url}/?c=chat" in str(late.value)


def test_an_answer_is_not_lost_for_its_labels(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    dot.fail_next("/add_label_to_chat", status=404)
    run = run_task(DotAskOperator, question="How many orders?", labels=["weekly"])
    assert run.state == "success"
    assert run.xcom("task")["text"]


@pytest.mark.parametrize(
    ("save_to", "words"),
    [
        ("s3://bucket/x", r"s3://bucket/x cannot be opened: .*install apache-airflow-providers-amazon\[s3fs\]"),
        ("gs://bucket/x", "install apache-airflow-providers-google and gcsfs"),
        ("abfs://bucket/x", "install apache-airflow-providers-microsoft-azure and adlfs"),
        ("nowhere://bucket/x", "install the Airflow provider that brings nowhere://"),
        ("/dev/null/x", "cannot be written to: NotADirectoryError"),
        ("/proc/x", "/proc/x cannot be written to: FileNotFoundError"),
    ],
)
def test_nothing_is_asked_where_the_answer_could_not_be_saved(sandbox: Any, save_to: str, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotAskOperator(task_id="t", question="q", save_to=save_to).execute({"ti": _ti()})
    assert dot.requests == []


@BOTH_WAYS
def test_an_answer_that_cannot_be_saved_is_in_xcom_and_a_retry_saves_it_without_asking(
    sandbox: Any, run_task: Any, tmp_path: Path, deferrable: bool
) -> None:
    """The folder can be written to when the question is asked; then somebody puts a file in the place of another."""
    dot = sandbox(answer_polls=1, hold_requests=False)
    (tmp_path / "follow_up_1").write_text("in the way")
    arguments = {"question": "How many?", "follow_ups": ["Why?"], "save_to": str(tmp_path), "deferrable": deferrable}
    run = run_task(DotAskOperator, retries=1, **arguments, **QUICK)
    assert (run.state, run.tries("task")) == ("failed", 2)
    assert "was not saved to" in str(run.error("task"))
    assert not isinstance(run.error("task"), AirflowFailException)
    assert run.xcom("task")["follow_ups"][0]["text"]
    (chat,) = dot.conversations.values()
    assert [turn.question for turn in chat.turns] == ["How many?", "Why?"]


@BOTH_WAYS
def test_a_pipeline_goes_on_only_where_the_number_is_as_expected(sandbox: Any, run_task: Any, deferrable: bool) -> None:
    answers = {"questions": [{"question": "How many orders?", "sql": "select 8530 as orders"}]}
    dot = sandbox(answers=answers, answer_polls=1, hold_requests=False)
    asks = {"question": "How many orders?", "expect": "number", "deferrable": deferrable, **QUICK}

    good = run_task(DotAskOperator, check="value > 8000", **asks)
    bad = run_task(DotAskOperator, check="value < {{ 4 * 250 }}", retries=3, **asks)

    assert good.state == "success"
    assert good.xcom("task")["value"] == 8530
    assert (bad.state, bad.tries("task")) == ("failed", 1)
    assert "8530" in str(bad.error("task"))
    assert bad.xcom("task")["text"]
    assert len(dot.conversations) == 2


def test_a_number_in_a_column_of_another_unit_stops_the_pipeline(sandbox: Any, run_task: Any) -> None:
    answers = {"questions": [{"question": "Revenue?", "sql": "select 8530 as revenue_usd"}]}
    sandbox(answers=answers, answer_polls=1, hold_requests=False)
    run = run_task(DotAskOperator, question="Revenue?", expect={"number": "EUR"}, **QUICK)
    assert run.state == "failed"
    assert "revenue_usd" in str(run.error("task"))


@pytest.mark.parametrize(
    "arguments", [{"check": "value < 1000"}, {"expect": {"items": {"properties": {"n": {"maximun": 5}}}}}]
)
def test_an_expectation_that_cannot_be_meant_is_refused_before_anything_is_asked(
    sandbox: Any, run_task: Any, arguments: Any
) -> None:
    dot = sandbox()
    run = run_task(DotAskOperator, question="How many orders?", **arguments)
    assert run.state == "failed"
    assert not dot.conversations


@pytest.mark.parametrize("prefix", ["", "file://"], ids=["local", "object storage"])
def test_saves_text_tables_and_charts(sandbox: Any, run_task: Any, tmp_path: Path, prefix: str) -> None:
    sandbox()
    run = run_task(
        DotAskOperator,
        question="How many orders per region?",
        follow_ups=["By month?"],
        save_to=f"{prefix}{tmp_path}/{{{{ dag.dag_id }}}}",
    )
    assert run.state == "success"
    folder = tmp_path / "dag_of_DotAskOperator"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert {"answer.md", "follow_up_1/answer.md"} < found
    assert {name.rpartition(".")[2] for name in found} == {"md", "html", "csv", "png"}
    assert len(run.xcom("task")["saved"]) == len(found)


def test_a_table_that_is_saved_and_looked_at_is_downloaded_once(sandbox: Any, run_task: Any, tmp_path: Path) -> None:
    dot = sandbox()
    run = run_task(DotAskOperator, question="How many orders?", check="rows | length > 0", save_to=str(tmp_path))
    assert run.state == "success"
    assert len([request for request in dot.requests if request.path.endswith("/download_csv")]) == 1


@pytest.mark.parametrize("field", ["follow_ups", "labels"])
def test_a_template_where_a_list_belongs_is_told_of_output(sandbox: Any, field: str) -> None:
    sandbox()
    with pytest.raises(AirflowFailException, match=rf"{field} must be a list, not text .* by its \.output"):
        DotAskOperator(task_id="t", question="q", **{field: "['a']"}).execute({"ti": _ti()})


def test_a_template_that_comes_to_nothing_asks_nothing(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    assert run_task(DotAskOperator, question="{{ none }}").state == "failed"
    assert not [request for request in dot.requests if request.method == "POST"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"check": "{{ value > 5 }}", "expect": "number"}, "check is an expression and stands without {{ }}"),
        ({"on_credits": "ask", "credits_users": "ada"}, "credits_users must be a list of texts"),
        ({"on_credits": "ask", "credits_users": [None]}, r"credits_users\[0\] must be text"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_dag_is_parsed(arguments: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=f"^Task ask: {words}"):
        DotAskOperator(task_id="ask", question="q", **arguments)


def test_a_check_may_be_made_of_parameters() -> None:
    DotAskOperator(task_id="ask", question="q", expect="number", check="value < {{ params.value }}")
