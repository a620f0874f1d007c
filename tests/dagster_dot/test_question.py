from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_question_asset
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Conversation, Sandbox
from tests.dagster_dot.location import (
    QUESTIONS,
    killed_run,
    one_question,
    one_question_without_patience,
    questions_on_two_workers,
)
from tests.dagster_dot.runs import Run

Materialize = Callable[..., Run]
QUESTION = "How many orders per month?"
DAYS = dg.DailyPartitionsDefinition("2026-01-01")


def only_chat(sandbox: Sandbox) -> Conversation:
    (chat,) = sandbox.conversations.values()
    return chat


def questions(chat: Conversation) -> list[str]:
    return [turn.question for turn in chat.turns]


def test_the_answer_is_on_the_assets_page(materialize: Materialize, sandbox: Sandbox) -> None:
    metadata = materialize(build_dot_question_asset(question=QUESTION)).metadata("dot/how_many_orders_per_month")
    chat = only_chat(sandbox)
    assert QUESTION in metadata["answer"]
    assert "data:image/png;base64," in metadata["answer"]
    assert metadata["sql"].startswith("```sql\nselect")
    assert metadata["chat_id"] == chat.chat_id
    assert chat.chat_id in metadata["chat"]
    assert metadata["dot/credits"] > 0
    assert metadata["waited_seconds"] >= 0
    assert metadata["suggested_follow_ups"].startswith("- ")


@pytest.mark.parametrize(("limit", "passed"), [(0.001, False), (1000, True)])
def test_credits_can_be_held_against_a_limit(materialize: Materialize, limit: float, passed: bool) -> None:
    asked = build_dot_question_asset(question=QUESTION)
    bounds = dg.build_metadata_bounds_checks(assets=[asked], metadata_key="dot/credits", max_value=limit)
    (found,) = materialize(asked, *bounds).result.get_asset_check_evaluations()
    assert found.passed is passed


def test_tables_are_tables_with_the_rows_of_dots_file(materialize: Materialize) -> None:
    metadata = materialize(build_dot_question_asset(question=QUESTION)).metadata("dot/how_many_orders_per_month")
    table = metadata["table"]
    assert len(table.schema.columns) == 2
    assert set(table.records[0].data) == {column.name for column in table.schema.columns}


def test_follow_ups_are_asked_in_the_same_chat(materialize: Materialize, sandbox: Sandbox) -> None:
    run = materialize(build_dot_question_asset(question=QUESTION, follow_ups=["And by customer?", "Why?"]))
    assert questions(only_chat(sandbox)) == [QUESTION, "And by customer?", "Why?"]
    answer = run.metadata("dot/how_many_orders_per_month")["answer"]
    assert "And by customer?" in answer
    assert "Why?" in answer


def test_a_retried_step_attaches_to_the_first_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first tries give up before Dot has finished; a later one finds the answer in the same chat."""
    with Sandbox(answer_polls=8) as sandbox, dg.DagsterInstance.ephemeral() as instance:
        dot = DotResource(api_token=sandbox.token, base_url=sandbox.base_url)
        policy = dg.RetryPolicy(max_retries=20)
        asked = build_dot_question_asset(question=QUESTION, timeout=0.02, poll_interval=0.01, retry_policy=policy)
        run = Run(dg.materialize([asked], instance=instance, resources={"dot": dot}))
        assert run.retries > 0
        assert only_chat(sandbox).posts == 1


def test_a_reexecuted_run_attaches_to_the_first_asking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first run gave up before Dot had finished; "re-execute from failure" finds the same chat."""
    with Sandbox(answer_polls=10_000) as sandbox, dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
        monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)
        job = dg.reconstructable(one_question_without_patience)
        first = dg.execute_job(job, instance)
        only_chat(sandbox).turns[0].polls_left = 0
        again = dg.execute_job(
            job, instance, reexecution_options=dg.ReexecutionOptions.from_failure(first.run_id, instance)
        )
        assert (first.success, again.success) == (False, True)
        assert only_chat(sandbox).posts == 1


def test_two_workers_ask_each_question_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Dagster's multiprocess executor runs each step in a process of its own; none of them keeps anything."""
    with Sandbox(answer_polls=2) as sandbox, dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
        monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)
        sandbox.fail_next("/agentic", status=500, effect=True)
        result = dg.execute_job(dg.reconstructable(questions_on_two_workers), instance)
        assert result.success
        assert sorted(chat.turns[0].question for chat in sandbox.conversations.values()) == list(QUESTIONS)
        assert {chat.posts for chat in sandbox.conversations.values()} == {1}


def test_a_new_run_asks_anew(materialize: Materialize, sandbox: Sandbox) -> None:
    asked = build_dot_question_asset(question=QUESTION)
    materialize(asked)
    materialize(asked)
    assert [chat.posts for chat in sandbox.conversations.values()] == [1, 1]


@pytest.mark.usefixtures("quick_clock")
def test_a_question_that_dot_failed_at_is_asked_anew_by_a_retry(materialize: Materialize, sandbox: Sandbox) -> None:
    policy = dg.RetryPolicy(max_retries=1)
    run = materialize(build_dot_question_asset(question="How many [fail] orders?", retry_policy=policy))
    assert len(sandbox.conversations) == 2
    assert run.retries == 1
    assert run.failure[1]["dot_error"] == "DotAnswerFailedError"
    assert "/?c=" in run.failure[1]["chat"]


def test_the_credit_guard_is_looked_at_by_each_retry_and_asked_once(materialize: Materialize, sandbox: Sandbox) -> None:
    policy = dg.RetryPolicy(max_retries=1)
    run = materialize(build_dot_question_asset(question="All orders ever [confirm]", retry_policy=policy))
    assert run.retries == 1
    assert "more credits" in run.failure[0]
    assert only_chat(sandbox).posts == 1


def test_dots_word_on_when_to_come_back_is_followed(materialize: Materialize, sandbox: Sandbox) -> None:
    """The post is refused for now, with a time; Dagster repeats the step although it has no retry policy."""
    sandbox.fail_next("/agentic", status=429, retry_after=0)
    run = materialize(build_dot_question_asset(question=QUESTION))
    assert run.success
    assert run.retries <= 1
    assert only_chat(sandbox).posts == 1


def test_each_partition_is_a_question_of_its_own(materialize: Materialize, sandbox: Sandbox) -> None:
    asked = build_dot_question_asset(question="How many orders on {partition_key}?", partitions_def=DAYS)
    for day in ("2026-01-01", "2026-01-02"):
        assert materialize(asked, partition_key=day).success
    assert [questions(chat) for chat in sandbox.conversations.values()] == [
        ["How many orders on 2026-01-01?"],
        ["How many orders on 2026-01-02?"],
    ]


def test_a_function_of_the_context_can_word_the_question(materialize: Materialize, sandbox: Sandbox) -> None:
    def worded(context: dg.AssetExecutionContext) -> str:
        return f"How many orders, {context.run.tags['team']}?"

    assert materialize(build_dot_question_asset(question=worded, name="orders"), tags={"team": "growth"}).success
    assert questions(only_chat(sandbox)) == ["How many orders, growth?"]


def test_a_function_needs_a_name() -> None:
    with pytest.raises(DotUsageError, match="needs a name"):
        build_dot_question_asset(question=lambda context: "How many?")


def test_labels_reach_the_chat(materialize: Materialize, sandbox: Sandbox) -> None:
    materialize(build_dot_question_asset(question=QUESTION, labels=["weekly"]))
    assert only_chat(sandbox).labels == ["weekly"]


def test_an_answer_is_not_lost_for_its_labels(materialize: Materialize, sandbox: Sandbox) -> None:
    sandbox.fail_next("/add_label_to_chat", status=404)
    assert materialize(build_dot_question_asset(question=QUESTION, labels=["weekly"])).success


def test_an_answer_is_not_lost_for_its_picture(materialize: Materialize, sandbox: Sandbox) -> None:
    sandbox.fail_next("/asset", status=404)
    run = materialize(build_dot_question_asset(question=QUESTION))
    assert "data:image" not in run.metadata("dot/how_many_orders_per_month")["answer"]


def test_the_mode_reaches_dot_and_an_unknown_one_is_refused(materialize: Materialize, sandbox: Sandbox) -> None:
    materialize(build_dot_question_asset(question=QUESTION, mode="economy"))
    assert only_chat(sandbox).mode == "economy"
    with pytest.raises(DotUsageError, match="economy, balanced, frontier"):
        build_dot_question_asset(question=QUESTION, mode="cheap")  # type: ignore[arg-type]


def test_an_empty_question_is_refused_when_the_code_loads() -> None:
    with pytest.raises(DotUsageError, match="question is empty"):
        build_dot_question_asset(question=" ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"follow_ups": "Why?"}, "follow_ups must be a list"),
        ({"follow_ups": ["Why?", " "]}, r"follow_ups\[1\] is empty"),
        ({"labels": "weekly"}, "labels must be a list"),
        ({"labels": ["weekly", 7]}, r"labels\[1\] must be text"),
    ],
)
def test_bad_lists_are_refused_when_the_code_loads(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        build_dot_question_asset(question=QUESTION, **arguments)


def test_the_token_is_in_no_event_of_a_run(materialize: Materialize, sandbox: Sandbox) -> None:
    run = materialize(build_dot_question_asset(question=QUESTION))
    run_id = run.result.run_id
    records = run.result.all_events
    assert records
    assert all(sandbox.token not in str(event) for event in records)
    assert sandbox.token not in str(run.result.dagster_run) + run_id


def test_a_question_with_a_place_for_a_partition_is_not_asked_without_one(
    materialize: Materialize, sandbox: Sandbox
) -> None:
    run = materialize(build_dot_question_asset(name="q", question="How many orders on {partition_key}?"))
    assert "give it a partitions_def" in run.failure[0]
    assert sandbox.conversations == {}


def test_each_partition_has_a_folder_of_its_own(sandbox: Sandbox, dot: DotResource, tmp_path: Path) -> None:
    keys = ["a b", "a_b", "a:b", "a%20b", "..", ".", "2026-01-01", "x" * 240 + "1", "x" * 240 + "2"]
    asked = build_dot_question_asset(
        name="q",
        question="How many orders in {partition_key}?",
        save_to=tmp_path / "saved" / "{partition_key}",
        partitions_def=dg.StaticPartitionsDefinition(keys),
    )
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        for key in keys:
            assert dg.materialize([asked], instance=instance, resources={"dot": dot}, partition_key=key).success
    saved = {folder.name: (folder / "answer.md").read_text() for folder in (tmp_path / "saved").iterdir()}
    assert len(saved) == len(keys)
    assert {"2026-01-01", "a_b"} < saved.keys()
    assert all(sum(f"in {key}?" in text for text in saved.values()) == 1 for key in keys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dagster", "saved"]


def test_files_of_the_answer_are_saved_per_partition(
    materialize: Materialize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = build_dot_question_asset(
        name="q",
        question="How many orders on {partition_key}?",
        follow_ups=["Why?"],
        save_to=tmp_path / "{partition_key}",
        partitions_def=DAYS,
    )
    run = materialize(asked, partition_key="2026-01-01")
    folder = tmp_path / "2026-01-01"
    found = {str(path) for path in folder.rglob("*.*")}
    assert {str(folder / "answer.md"), str(folder / "follow_up_1" / "answer.md")} < found
    assert {name.rpartition(".")[2] for name in found} == {"md", "html", "csv", "png"}
    assert set(run.metadata("dot/q")["saved"]) == found


def test_a_file_that_is_shown_and_saved_is_downloaded_once(
    materialize: Materialize, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert materialize(build_dot_question_asset(name="q", question=QUESTION, save_to=tmp_path)).success
    fetched = [
        request.path for request in sandbox.requests if "/download_csv" in request.path or "/asset" in request.path
    ]
    assert len(fetched) == len(set(fetched)) == 2


def test_files_are_saved_to_storages_that_fsspec_knows(materialize: Materialize) -> None:
    import fsspec

    run = materialize(build_dot_question_asset(name="q", question=QUESTION, save_to="memory://reports/q"))
    assert "memory://reports/q/answer.md" in run.metadata("dot/q")["saved"]
    assert QUESTION in fsspec.filesystem("memory").cat("/reports/q/answer.md").decode()


@pytest.mark.parametrize(
    ("save_to", "words"),
    [
        ("s3://bucket/x", "save_to s3://bucket/x cannot be opened: Install s3fs"),
        ("/dev/null/x", "cannot be written to: NotADirectoryError"),
        ("/tmp/{partition_key}", "save_to holds {partition_key} and its asset has no partitions"),
    ],
)
def test_nothing_is_asked_where_the_answer_could_not_be_saved(
    materialize: Materialize, sandbox: Sandbox, save_to: str, words: str
) -> None:
    run = materialize(build_dot_question_asset(name="q", question=QUESTION, save_to=save_to))
    assert words in run.failure[0]
    assert sandbox.conversations == {}


def test_an_empty_folder_is_refused_when_the_location_loads() -> None:
    with pytest.raises(DotUsageError, match="save_to"):
        build_dot_question_asset(name="q", question=QUESTION, save_to=" ")


def test_an_answer_that_cannot_be_saved_is_kept_and_a_retry_saves_it_without_asking(
    materialize: Materialize, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "follow_up_1").write_text("in the way")
    policy = dg.RetryPolicy(max_retries=1)
    asked = build_dot_question_asset(
        name="q", question=QUESTION, follow_ups=["Why?"], save_to=str(tmp_path), retry_policy=policy
    )
    run = materialize(asked)
    assert run.retries == 1
    assert "was not saved to" in run.failure[0]
    kept = [event for event in run.result.all_events if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION]
    assert all(QUESTION in event.asset_observation_data.asset_observation.metadata["answer"].value for event in kept)
    assert len(kept) == 2
    assert questions(only_chat(sandbox)) == [QUESTION, "Why?"]


def test_a_killed_run_s_question_is_found_also_where_dot_shows_it_late(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, processes: Any
) -> None:
    """The re-execution begins at once."""
    with Sandbox(unseen_seconds=2.5) as sandbox, dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
        monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)
        killed = processes.Process(target=killed_run, args=(str(tmp_path), sandbox.base_url, sandbox.token))
        killed.start()
        killed.join(120)
        (first,) = instance.get_run_records()
        again = dg.execute_job(
            dg.reconstructable(one_question),
            instance,
            reexecution_options=dg.ReexecutionOptions(parent_run_id=first.dagster_run.run_id),
        )
        assert killed.exitcode == -signal.SIGKILL
        assert again.success
        assert only_chat(sandbox).posts == 1


def test_two_questions_of_one_key_are_told_with_both(caplog: pytest.LogCaptureFixture) -> None:
    """Dagster refuses them by their key, which stands in no line of the user's code."""
    first = build_dot_question_asset(question="Weekly review")
    again = build_dot_question_asset(question="Weekly review")
    named = build_dot_question_asset(question="weekly_review", name="review")
    assert (first.key, named.key) == (again.key, dg.AssetKey(["dot", "review"]))
    assert caplog.records == []
    second = build_dot_question_asset(question="weekly_review")
    with pytest.raises(dg.DagsterInvalidDefinitionError):
        dg.Definitions(assets=[first, second], resources={"dot": DotResource()}).get_repository_def()
    (record,) = caplog.records
    assert all(words in record.message for words in ("'Weekly review'", "'weekly_review'", "name="))
