"""A suite as a gate in a DAG: SQL on a real DuckDB, Dot's answers from the same file, real runs of a DAG."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest
from airflow.exceptions import AirflowException, AirflowFailException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, ObjectStoragePath, task
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from dot_provider.api import DotClient
from dot_provider.api.errors import DotUsageError
from dot_provider.operators import DotRunEvaluationOperator

BOTH_WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["blocking", "deferrable"])
QUICK = {"poll_interval": 0.05, "retry_delay": timedelta(0)}
QUESTIONS = ("How many orders?", "How many customers?")
ANSWERS = {
    "questions": [
        {"question": QUESTIONS[0], "sql": "select count(*) from orders"},
        {"question": QUESTIONS[1], "sql": "select count(distinct customer) from orders"},
    ]
}
SUITE = """\
name: Shop
evaluation_id: shop
questions:
  - id: orders
    question: How many orders?
    sql: select count(*) from {{ ref('orders') }} where '{{ params.day }}' <> ''
    tolerance_pct: 0
  - id: customers
    question: How many customers?
    sql: select count(distinct customer) from orders
    owners: [team:finance]
"""


@pytest.fixture
def shop(sandbox: Callable[..., Any], tmp_path: Path, dot_connection: Callable[..., None]) -> Callable[..., Any]:
    """A function that starts a sandbox over a warehouse with three orders, which ``warehouse`` connects to."""
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table orders as select n as id, n % 2 as customer from range(3) t(n)")
    dot_connection("warehouse", conn_type="duckdb", host=str(path))
    (tmp_path / "shop.yaml").write_text(SUITE)
    model = {"resource_type": "model", "name": "orders", "package_name": "shop", "relation_name": "main.orders"}
    schema = "https://schemas.getdbt.com/dbt/manifest/v12.json"
    manifest = {
        "metadata": {"dbt_schema_version": schema, "invocation_id": "dbt-1"},
        "nodes": {"model.shop.orders": model},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))

    def start(**switches: Any) -> Any:
        return sandbox(**{"answers": ANSWERS, "duckdb": path, "evaluation_polls": 1, **switches})

    return start


@pytest.fixture
def gated(tmp_path: Path) -> Callable[..., DAG]:
    """A function that makes the DAG of a gate and what comes after it."""

    def make(dag_id: str = "gated", **arguments: Any) -> DAG:
        with DAG(dag_id, schedule=None, params={"day": "2026-01-31"}) as dag:
            given = {"suite_file": tmp_path / "shop.yaml", "sql_conn_id": "warehouse", "dbt_manifest": tmp_path}
            if "suite" in arguments:
                given.pop("suite_file")
            gate = DotRunEvaluationOperator(task_id="gate", **{**given, **QUICK, **arguments})
            gate >> EmptyOperator(task_id="publish")
        return dag

    return make


def broken(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute("create table staging as select * from orders; delete from orders where id = 2")


def starts(dot: Any) -> list[Any]:
    return [r.json for r in dot.requests if r.method == "POST" and r.path.endswith("/runs") and r.status == 200]


@BOTH_WAYS
@pytest.mark.parametrize("shape", ["full", "status"])
def test_right_answers_let_the_dag_go_on(shop: Any, gated: Any, run_dag: Any, deferrable: bool, shape: str) -> None:
    dot = shop(evaluation_shape=shape)
    run = run_dag(gated(deferrable=deferrable, metadata={"git_sha": "abc"}))
    assert run.states == {"gate": "success", "publish": "success"}
    found = run.xcom("gate")
    assert (found["outcome"], found["pass_rate"], found["passed"], found["reasons"]) == ("pass", 1.0, 2, [])
    assert {one["id"]: (one["expected"], one["observed"]) for one in found["questions"]} == {
        "orders": ("3", "3"),
        "customers": ("2", "2"),
    }
    (sent,) = starts(dot)
    assert [one["expected_answer"] for one in sent["questions"]] == ["3", "2"]
    facts = {"dag_id": "gated", "task_id": "gate", "dbt_invocation_id": "dbt-1", "git_sha": "abc"}
    assert sent["metadata"].items() >= facts.items()
    assert "select" not in json.dumps(sent)
    assert "select" not in json.dumps(found)


@BOTH_WAYS
@pytest.mark.parametrize(
    "sql", ["select count(*) from {{ ref('orders') }}", "select count(*) from {{ ref('orders') }} x y"]
)
def test_the_sql_that_ran_stands_among_the_rendered_templates(
    shop: Any, gated: Any, run_dag: Any, deferrable: bool, sql: str, tmp_path: Path
) -> None:
    """Also where it failed, which is when somebody looks."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields

    shop()
    (tmp_path / "shop.yaml").write_text(SUITE.replace("select count(*) from {{ ref('orders') }}", sql))
    run = run_dag(gated(deferrable=deferrable))
    (gate,) = (ti for ti in run.dag_run.get_task_instances() if ti.task_id == "gate")
    shown = RenderedTaskInstanceFields.get_templated_fields(gate)["expected_sql"]
    assert "-- orders\nselect count(*) from main.orders" in shown
    assert "-- customers\nselect count(distinct customer) from orders;" in shown


@BOTH_WAYS
def test_wrong_answers_close_the_gate_and_are_written_down(
    shop: Any, gated: Any, run_dag: Any, deferrable: bool, tmp_path: Path
) -> None:
    shop()
    broken(tmp_path)
    (tmp_path / "shop.yaml").write_text(SUITE.replace("from {{ ref('orders') }}", "from staging"))
    run = run_dag(gated(deferrable=deferrable, save_to=tmp_path / "{{ run_id }}"))
    assert run.states == {"gate": "failed", "publish": "upstream_failed"}
    assert "Wrong: orders" in str(run.error("gate"))
    assert isinstance(run.error("gate"), AirflowFailException)
    folder = tmp_path / run.dag_run.run_id
    suite = ElementTree.parse(folder / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "2", "0")
    written = json.loads((folder / "evaluation.json").read_text())
    assert written["gate"] == run.xcom("gate", "evaluation_run")
    assert "| **failed** | How many orders? | 3 | 2 |" in (folder / "evaluation.md").read_text()


@pytest.mark.parametrize("place", ["file://{}/ci", "memory://ci/report"])
def test_files_are_written_to_object_storage_also_where_the_task_then_fails(
    shop: Any, gated: Any, run_dag: Any, tmp_path: Path, place: str
) -> None:
    shop()
    attach("memory", fs=MemoryFileSystem())  # which no provider of Airflow's brings
    broken(tmp_path)
    (tmp_path / "shop.yaml").write_text(SUITE.replace("from {{ ref('orders') }}", "from staging"))
    assert run_dag(gated(save_to=place.format(tmp_path))).states["gate"] == "failed"
    folder = ObjectStoragePath(place.format(tmp_path))
    assert {file.name for file in folder.iterdir()} == {"junit.xml", "evaluation.json", "evaluation.md"}
    assert ElementTree.fromstring((folder / "junit.xml").read_text())[0].get("failures") == "2"


def test_a_folder_that_cannot_be_written_to_is_told_before_a_run_is_paid_for(
    shop: Any, gated: Any, run_dag: Any, tmp_path: Path
) -> None:
    dot = shop()
    (tmp_path / "file").touch()
    assert run_dag(gated(save_to=tmp_path / "file")).states["gate"] == "failed"
    assert starts(dot) == []


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        ({"questions": []}, "an empty suite tests nothing"),
        (
            {"questions": [{"id": "a", "question": "q", "expected_answer": "about ten"}]},
            "a: expected_answer 'about ten'",
        ),
        ({"questions": [{"id": "a", "question": "q", "sql": "select 1 where false"}]}, "a: its SQL gives no row"),
        (
            {"questions": [{"id": "a", "question": "q", "sql": "select {{ nothing }}"}]},
            "a: the template cannot be rendered",
        ),
        ({"questions": [{"id": "a", "question": "q", "sql": "select 1", "conn_id": "none"}]}, "no connection 'none'"),
        ({"questions": [{"id": "a", "question": "q", "sql": "select 1", "conn_id": "web"}]}, "HttpHook runs no SQL"),
        ({"questions": [{"id": "a", "question": "q", "metric": {"name": "m"}}]}, "MetricFlow is needed"),
        (
            {"questions": [{"id": "a", "question": "q", "expected_answer": 1}], "evaluation_id": ""},
            "no evaluation to run",
        ),
    ],
)
def test_a_bad_suite_is_one_sentence_and_nothing_is_sent(
    shop: Any, gated: Any, run_dag: Any, dot_connection: Any, suite: Any, words: str
) -> None:
    dot = shop()
    dot_connection("web", conn_type="http", host="localhost")
    run = run_dag(gated(suite={"name": "s", "evaluation_id": "e", **suite}))
    assert words in str(run.error("gate"))
    assert dot.requests == []


def test_a_suite_may_be_another_tasks_output(shop: Any, run_dag: Any) -> None:
    shop()
    suite = {
        "name": "s",
        "evaluation_id": "e",
        "questions": [{"id": "a", "question": QUESTIONS[0], "sql": "select {{ 1 + 2 }}"}],
    }
    with DAG("handed", schedule=None) as dag:

        @task
        def make() -> Any:
            return suite

        DotRunEvaluationOperator(task_id="gate", suite=make(), sql_conn_id="warehouse", **QUICK)  # type: ignore[arg-type]
    assert run_dag(dag).xcom("gate")["outcome"] == "pass"


def test_a_connection_with_a_hook_of_the_common_sql_provider(
    shop: Any, gated: Any, run_dag: Any, mocker: Any, tmp_path: Path
) -> None:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.sdk import Connection

    class Hook(DbApiHook):
        conn_name_attr = "conn_id"

        def get_conn(self) -> Any:
            return duckdb.connect(str(tmp_path / "shop.duckdb"), read_only=True)

    shop()
    mocker.patch.object(Connection, "get_hook", return_value=Hook())
    mocker.patch.dict("os.environ", {"AIRFLOW_CONN_POSTGRES": json.dumps({"conn_type": "postgres"})})
    assert run_dag(gated(sql_conn_id="postgres")).xcom("gate")["outcome"] == "pass"


@BOTH_WAYS
def test_the_last_pass_of_any_dag_is_the_baseline(
    shop: Any, gated: Any, run_dag: Any, deferrable: bool, tmp_path: Path
) -> None:
    dot = shop()
    asset = Asset(f"dot://app.getdot.ai/evaluation/{'d' if deferrable else 'b'}")
    gate = {"min_pass_rate": 0.5, "baseline_asset": asset, "deferrable": deferrable}
    assert run_dag(gated("production", **gate)).xcom("gate")["outcome"] == "pass"
    assert run_dag(gated("production", **gate)).xcom("gate")["outcome"] == "pass"
    (tmp_path / "shop.yaml").write_text(SUITE.replace("How many customers?", "How many orders?"))
    changed = run_dag(gated("pull_request", **gate))
    assert "is a run of another definition" in str(changed.error("gate"))
    kept = dict(dot.workspace.evaluation_runs)
    dot.workspace.evaluation_runs.clear()  # Dot keeps them no longer
    assert "are gone in Dot" in str(run_dag(gated("later", **gate)).error("gate"))
    assert not dot.workspace.evaluation_runs
    dot.workspace.evaluation_runs["evr_1"] = kept["evr_1"]
    assert "are gone" not in str(run_dag(gated("later", **gate)).error("gate"))


@BOTH_WAYS
def test_a_question_that_passed_in_the_baseline_must_pass(
    shop: Any, gated: Any, run_dag: Any, deferrable: bool, tmp_path: Path
) -> None:
    shop()
    first = run_dag(gated(min_pass_rate=0)).xcom("gate")["run_id"]
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        # Dot reads orders, and the pipeline's own truth has one customer more.
        connection.execute("create table truth as select * from orders union all select 9, 9")
        connection.execute("create schema dbt; create view dbt.orders as select * from truth")
    text = (tmp_path / "manifest.json").read_text().replace("main.orders", "dbt.orders")
    (tmp_path / "manifest.json").write_text(text)
    run = run_dag(gated("again", min_pass_rate=0, baseline_run_id=first, deferrable=deferrable))
    assert run.states["gate"] == "failed"
    assert run.xcom("gate", "evaluation_run")["regressions"] == ["orders"]


@BOTH_WAYS
def test_failures_are_confirmed_by_a_run_of_only_those(
    shop: Any, gated: Any, run_dag: Any, deferrable: bool, tmp_path: Path
) -> None:
    dot = shop()
    (tmp_path / "shop.yaml").write_text(SUITE.replace("select count(distinct customer) from orders", "select 9"))
    run = run_dag(gated(confirm_failures=1, min_pass_rate=0.5, deferrable=deferrable))
    assert [[one["id"] for one in sent["questions"]] for sent in starts(dot)] == [
        ["orders", "customers"],
        ["customers"],
    ]
    assert (run.xcom("gate")["outcome"], run.xcom("gate")["failed"]) == ("pass", 1)


@BOTH_WAYS
def test_a_foreign_run_is_waited_for(shop: Any, gated: Any, run_dag: Any, deferrable: bool) -> None:
    dot = shop(evaluation_polls=3)
    with DotClient(dot.token, dot.base_url) as client:
        assert client.start_evaluation_run(
            "shop", {"questions": [{"id": "a", "question": "q", "expected_answer": 1}]}
        ).id
    run = run_dag(gated(deferrable=deferrable))
    assert run.xcom("gate")["run_id"] == "evr_2"
    assert run.deferrals("gate") == 2 * deferrable


@BOTH_WAYS
def test_a_late_run_is_cancelled_where_no_retry_is_left(shop: Any, gated: Any, run_dag: Any, deferrable: bool) -> None:
    dot = shop(evaluation_polls=10**6)
    run = run_dag(gated(deferrable=deferrable, timeout=0.2, retries=1))
    assert (run.states["gate"], run.tries("gate"), len(starts(dot))) == ("failed", 2, 1)
    assert not isinstance(run.error("gate"), AirflowFailException)
    assert dot.workspace.evaluation_runs["evr_1"].status == "cancelled"


def _context(**ti: Any) -> Any:
    return {"ti": SimpleNamespace(try_number=1, max_tries=0, xcom_push=lambda **_: None, **ti), "outlet_events": {}}


@pytest.mark.parametrize("cancel", [True, False])
def test_a_killed_task_cancels_its_run(sandbox: Any, mocker: Any, cancel: bool) -> None:
    dot = sandbox(evaluation_polls=10**6)
    gate = DotRunEvaluationOperator(task_id="gate", evaluation_id="e", cancel_on_kill=cancel, poll_interval=0.05)
    mocker.patch("dot_provider.api._core.call.SystemClock.sleep", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        gate.execute(_context())
    gate.on_kill()
    assert dot.workspace.evaluation_runs["evr_1"].status == ("cancelled" if cancel else "running")


def test_a_task_that_was_killed_before_it_began_cancels_nothing(sandbox: Any) -> None:
    dot = sandbox()
    DotRunEvaluationOperator(task_id="gate", evaluation_id="e").on_kill()
    assert dot.requests == []


@pytest.mark.parametrize("cancel", [True, False])
async def test_a_killed_deferral_cancels_its_run(sandbox: Any, cancel: bool) -> None:
    from dot_provider.triggers.evaluation import DotEvaluationTrigger

    dot = sandbox(evaluation_polls=10**6)
    with DotClient(dot.token, dot.base_url) as client:
        run_id = client.start_evaluation_run("e").id
    fields = {"dot_conn_id": "dot_default", "environment": None, "run_id": run_id, "deadline": 1e12, "poll_interval": 1}
    trigger = DotEvaluationTrigger(**fields, cancel_on_kill=cancel)  # type: ignore[arg-type]
    again = DotEvaluationTrigger(**trigger.serialize()[1])
    await again.on_kill()
    assert dot.workspace.evaluation_runs[run_id].status == ("cancelled" if cancel else "running")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "give evaluation_id"),
        ({"suite_file": "a", "suite": {}}, "suite_file or suite"),
        (
            {"evaluation_id": "e", "baseline_run_id": "a", "baseline_asset": Asset("b")},
            "baseline_run_id or baseline_asset",
        ),
        ({"evaluation_id": "e", "on_error": "skip"}, "on_error must be one of"),
        ({"evaluation_id": "e", "confirm_failures": -1}, "confirm_failures"),
        ({"suite_file": "a", "defer_manifest": "b"}, "dbt_manifest"),
    ],
)
def test_nonsense_is_refused_when_the_dag_is_parsed(arguments: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        DotRunEvaluationOperator(task_id="gate", **arguments)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"questions": ["How many order?"]}, "questions"),
        ({"metadata": ["git_sha"]}, "metadata"),
        ({"suite": "{{ {'name': 's'} }}"}, "suite"),
        ({"expected_target_commit": 5}, "expected_target_commit"),
        ({"mf_command": [], "dbt_project_dir": "/"}, "mf_command"),
        ({"mf_command": "mf", "dbt_project_dir": "/"}, "mf_command"),
        ({"baseline_run_id": "evr_9"}, "evr_9"),
    ],
)
def test_what_only_a_run_can_tell_is_told_before_one_is_paid_for(
    shop: Any, gated: Any, run_dag: Any, arguments: Any, field: str
) -> None:
    dot = shop()
    run = run_dag(gated(**arguments))
    assert field in str(run.error("gate"))
    assert isinstance(run.error("gate"), AirflowFailException)
    assert starts(dot) == []


@pytest.mark.parametrize("field", ["target_environment", "expected_target_commit", "baseline_run_id"])
def test_a_template_that_renders_to_nothing_does_not_fall_back(sandbox: Any, run_task: Any, field: str) -> None:
    dot = sandbox()
    run = run_task(DotRunEvaluationOperator, evaluation_id="e", **{field: "{{ '' }}"})
    assert (run.state, dot.requests) == ("failed", [])


def test_a_target_that_has_moved_ends_the_task_without_retries(sandbox: Any, run_task: Any) -> None:
    sandbox()
    run = run_task(DotRunEvaluationOperator, evaluation_id="e", expected_target_commit="0" * 40, retries=1, **QUICK)
    assert "The target has moved" in str(run.error("task"))
    assert (run.state, run.tries("task")) == ("failed", 1)
    assert issubclass(AirflowFailException, AirflowException)
