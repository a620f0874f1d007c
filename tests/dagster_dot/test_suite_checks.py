"""A suite as asset checks: SQL on a resource over a real DuckDB, answers of Dot's from the same file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster.components.core.component_tree import ComponentTree

from dagster_dot import DotEvaluationComponent, DotResource, build_dot_evaluation_checks
from dot_provider.api import DotClient, DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run, Runner

ANSWERS = {
    "questions": [
        {"question": "How many orders?", "sql": "select count(*) from orders"},
        {"question": "How many customers?", "sql": "select count(distinct customer) from orders"},
    ]
}
QUESTIONS = [
    {"id": "orders.count", "question": "How many orders?", "sql": "select count(*) from {{ ref('orders') }}"},
    {"id": "customers", "question": "How many customers?", "sql": "select count(distinct customer) from orders"},
    {"id": "by-hand", "question": "How many orders?", "expected_answer": 3, "owners": ["team:finance"]},
]
MODEL = {"resource_type": "model", "name": "orders", "package_name": "shop", "relation_name": "main.orders"}
SCHEMA = "https://schemas.getdbt.com/dbt/manifest/v12.json"
MANIFEST = {"metadata": {"dbt_schema_version": SCHEMA}, "nodes": {"model.shop.orders": MODEL}}


@dg.asset
def orders() -> None:
    """What is checked."""


@dg.asset(deps=[orders])
def downstream() -> None:
    """What a closed gate keeps from running."""


class Warehouse(dg.ConfigurableResource[Any]):
    """As ``DuckDBResource``."""

    database: str

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = duckdb.connect(self.database)
        try:
            yield connection
        finally:
            connection.close()


def suite(*questions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "Shop", "evaluation_id": "shop", "questions": list(questions or QUESTIONS), **fields}


def checks(source: Any = None, **arguments: Any) -> dg.AssetChecksDefinition:
    given = {"asset": orders, "sql_resource_key": "warehouse", "dbt_manifest": MANIFEST, "poll_interval": 0.01}
    return build_dot_evaluation_checks(suite_file=source or suite(), **{**given, **arguments})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table orders as select n as id, n % 2 as customer from range(3) t(n)")
    return path


@pytest.fixture
def sandbox(file: Path) -> Iterator[Sandbox]:
    with Sandbox(answers=ANSWERS, duckdb=file, evaluation_polls=1) as running:
        yield running


@pytest.fixture
def evaluate(dot: DotResource, instance: dg.DagsterInstance, file: Path) -> Callable[..., Run]:
    """A function that materializes the asset with checks, and what is downstream."""
    runner = Runner(instance, {"dot": dot, "warehouse": Warehouse(database=str(file))})
    return lambda made, **settings: runner.materialize([orders, made, downstream], **settings)


def results(run: Run) -> dict[str, dg.AssetCheckEvaluation]:
    return {found.check_name: found for found in run.result.get_asset_check_evaluations()}


def sent(sandbox: Sandbox) -> list[list[str]]:
    starts = [r.json for r in sandbox.requests if r.method == "POST" and r.path.endswith("/runs")]
    return [[one["id"] for one in start["questions"]] for start in starts]  # type: ignore[index, call-overload]


def test_each_question_is_a_check_and_all_are_one_run(evaluate: Any, sandbox: Sandbox) -> None:
    run = evaluate(checks(blocking=True))
    assert {name: found.passed for name, found in results(run).items()} == {
        "dot_evaluation": True,
        "orders_count": True,
        "customers": True,
        "by_hand": True,
    }
    assert sent(sandbox) == [["orders.count", "customers", "by-hand"]]
    assert "downstream" in run.materialized
    table = results(run)["dot_evaluation"].metadata["verdicts"]
    assert isinstance(table, dg.TableMetadataValue)
    row = next(record.data for record in table.records if record.data["owners"])
    assert (row["expected"], row["observed"], row["deviation"]) == ("3", "3", "+0.00 %")


def test_only_the_gate_blocks_and_a_rate_may_be_enough(evaluate: Any, sandbox: Sandbox) -> None:
    wrong = suite(*QUESTIONS[:2], {**QUESTIONS[2], "expected_answer": 4})
    open_, closed = evaluate(checks(wrong, blocking=True, min_pass_rate=0.6)), evaluate(checks(wrong, blocking=True))
    assert ("downstream" in open_.materialized, "downstream" in closed.materialized) == (True, False)
    severities = [results(run)["by_hand"].severity for run in (open_, closed)]
    assert severities == [dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR]
    assert [results(run)["dot_evaluation"].passed for run in (open_, closed)] == [True, False]
    warned = results(evaluate(checks(wrong, on_fail="warn")))
    assert {one.severity for one in warned.values() if not one.passed} == {dg.AssetCheckSeverity.WARN}


@pytest.mark.parametrize("shape", ["full", "status"])
def test_twenty_questions_are_twenty_one_checks_of_one_run(evaluate: Any, sandbox: Sandbox, shape: str) -> None:
    """Of which one may be wrong at 95 %; in both shapes, and within one look of the run's end."""
    sandbox.workspace.settings.__dict__["evaluation_shape"] = shape
    twenty = [{**QUESTIONS[2], "id": f"q{n}", "expected_answer": 3 + (n == 7)} for n in range(20)]
    run = evaluate(checks(suite(*twenty), blocking=True, min_pass_rate=0.95))
    found = results(run)
    assert (len(found), sum(one.passed for one in found.values())) == (21, 20)
    assert found["dot_evaluation"].passed
    assert "downstream" in run.materialized
    assert len(sandbox.workspace.evaluation_runs) == 1
    assert [r.method for r in sandbox.requests] == ["POST", "GET", "GET"]


def test_a_run_that_says_nothing_closes_the_gate_and_fails_the_step(evaluate: Any) -> None:
    broken = suite(*QUESTIONS, {"id": "x", "question": "Who?", "expected_answer": 1})
    run = evaluate(checks(broken, blocking=True, min_pass_rate=0, on_fail="warn"))
    found = results(run)
    assert (found["dot_evaluation"].passed, found["dot_evaluation"].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert found["orders_count"].passed
    assert run.failure[1]["dot_error"] == "DotEvaluationBrokenError"
    assert "downstream" not in run.materialized


def test_selected_questions_are_run_alone(dot: Any, instance: Any, file: Path, sandbox: Sandbox) -> None:
    made = checks()
    keys = [dg.AssetCheckKey(orders.key, name) for name in ("orders_count", "by_hand")]
    job = dg.define_asset_job("some", selection=dg.AssetSelection.checks(*keys))
    resources = {"dot": dot, "warehouse": Warehouse(database=str(file))}
    defs = dg.Definitions([orders], asset_checks=[made], jobs=[job], resources=resources)
    result = defs.resolve_job_def("some").execute_in_process(instance=instance)
    assert {found.check_name for found in result.get_asset_check_evaluations()} == {"orders_count", "by_hand"}
    assert sent(sandbox) == [["orders.count", "by-hand"]]


def test_what_passed_last_time_must_pass_now(evaluate: Any, sandbox: Sandbox) -> None:
    gate = {"min_pass_rate": 0, "baseline": "latest_pass"}
    assert results(evaluate(checks(**gate)))["dot_evaluation"].passed
    wrong = suite(*QUESTIONS[:2], {**QUESTIONS[2], "expected_answer": 4})
    found = results(evaluate(checks(wrong, **gate)))["dot_evaluation"]
    assert (found.passed, found.metadata["regressions"].value) == (False, "by-hand")
    other = evaluate(checks(suite(*QUESTIONS[:2]), **gate))
    assert "another definition" in str(results(other)["dot_evaluation"].description)
    runs = sandbox.workspace.evaluation_runs
    runs.clear()  # Dot keeps them no longer
    assert not evaluate(checks(**gate)).success
    assert not runs


def test_failures_are_confirmed_by_a_run_of_only_those(evaluate: Any, sandbox: Sandbox) -> None:
    evaluate(checks(suite(*QUESTIONS[:2], {**QUESTIONS[2], "expected_answer": 4}), confirm_failures=1))
    assert sent(sandbox) == [["orders.count", "customers", "by-hand"], ["by-hand"]]


class OfSnowflake(dg.ConfigurableResource):  # type: ignore[type-arg]
    """As ``dagster_snowflake.SnowflakeResource``: a context manager that yields a connection."""

    database: str

    @contextmanager
    def get_connection(self, raw_conn: bool = True) -> Iterator[Any]:
        with duckdb.connect(self.database) as connection:
            yield connection


class OfBigQuery(dg.ConfigurableResource):  # type: ignore[type-arg]
    """As ``dagster_gcp.BigQueryResource``: a context manager that yields a client, which has no cursor."""

    database: str

    @contextmanager
    def get_client(self) -> Iterator[Any]:
        yield f"client of {self.database}"


@pytest.fixture
def dbapi_of_bigquery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's package, which is not installed here: its DB-API over a client."""
    dbapi = SimpleNamespace(connect=lambda client: duckdb.connect(client.removeprefix("client of ")))
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", SimpleNamespace(dbapi=dbapi))


@pytest.mark.parametrize("how", ["function", "connection", "snowflake", "bigquery", "function of a resource"])
def test_sql_runs_on_what_the_code_location_has(
    dot: Any, instance: Any, file: Path, how: str, sandbox: Sandbox, dbapi_of_bigquery: None
) -> None:
    connection = duckdb.connect(str(file))
    made: dict[str, Any] = {
        "function": dg.ResourceDefinition.hardcoded_resource(lambda: connection),
        "function of a resource": dg.ResourceDefinition.hardcoded_resource(
            OfSnowflake(database=str(file)).get_connection
        ),
        "connection": dg.ResourceDefinition.hardcoded_resource(connection),
        "snowflake": OfSnowflake(database=str(file)),
        "bigquery": OfBigQuery(database=str(file)),
    }
    run = Runner(instance, {"dot": dot, "warehouse": made[how]}).materialize([orders, checks()])
    assert results(run)["dot_evaluation"].passed
    connection.close()


def test_a_query_that_gives_nothing_is_told_before_anything_is_sent(evaluate: Any, sandbox: Sandbox) -> None:
    run = evaluate(checks(suite({**QUESTIONS[0], "sql": "select 1 where false"}), blocking=True))
    assert "orders.count: its SQL gives no row" in run.failure[0]
    assert sandbox.requests == []


def test_a_retry_takes_the_run_of_its_first_try(evaluate: Any, sandbox: Sandbox) -> None:
    run = evaluate(checks(timeout=1e-9, retry_policy=dg.RetryPolicy(max_retries=5)))
    assert results(run)["dot_evaluation"].passed
    assert run.retries
    assert len(sent(sandbox)) == 1


def test_a_late_run_is_cancelled_where_no_retry_is_left(evaluate: Any, sandbox: Sandbox) -> None:
    sandbox.workspace.settings.__dict__["evaluation_polls"] = 10**6
    assert not evaluate(checks(timeout=1e-9)).success
    assert sandbox.workspace.evaluation_runs["evr_1"].status == "cancelled"


def test_a_terminated_run_cancels_the_run_at_dot(evaluate: Any, sandbox: Sandbox, mocker: Any) -> None:
    sandbox.workspace.settings.__dict__["evaluation_polls"] = 10**6
    mocker.patch("dot_provider.api._core.call.SystemClock.sleep", side_effect=dg.DagsterExecutionInterruptedError)
    assert not evaluate(checks()).success
    assert sandbox.workspace.evaluation_runs["evr_1"].status == "cancelled"


@pytest.mark.parametrize(("lost", "runs"), [(False, 2), (True, 1)], ids=["judged", "killed"])
def test_a_reexecution_goes_on_with_a_run_that_came_to_no_verdict(
    sandbox: Sandbox, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool, runs: int
) -> None:
    names = {"DOT_API_TOKEN": sandbox.token, "DOT_BASE_URL": sandbox.base_url, "SHOP": str(file)}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    job = dg.reconstructable(suite_job)
    if lost:
        sandbox.fail_next("/evaluation_runs/", status=400)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        first = dg.execute_job(job, instance)
        assert first.success is not lost
        with DotClient(sandbox.token, sandbox.base_url) as client:
            while not client.evaluation_run("evr_1").finished:  # Dot goes on, whoever looks
                pass
        with duckdb.connect(str(file)) as warehouse:  # other numbers are expected now
            warehouse.execute("insert into orders select * from orders limit 1")
        assert dg.execute_job(job, instance, reexecution_options=dg.ReexecutionOptions(first.run_id)).success
    assert len(sandbox.workspace.evaluation_runs) == runs


def suite_job() -> dg.JobDefinition:
    """What another process of the code location would load."""
    dot = DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"), base_url=dg.EnvVar("DOT_BASE_URL"))
    resources = {"dot": dot, "warehouse": Warehouse(database=dg.EnvVar("SHOP"))}
    job = dg.define_asset_job("nightly", selection=dg.AssetSelection.assets(orders))
    executor = dg.in_process_executor
    defs = dg.Definitions([orders], asset_checks=[checks()], jobs=[job], resources=resources, executor=executor)
    return defs.resolve_job_def("nightly")


@pytest.mark.parametrize(
    ("source", "arguments", "words"),
    [
        (suite(), {"sql_resource_key": None}, "set sql_resource_key"),
        (suite({**QUESTIONS[2], "id": "a.b"}, {**QUESTIONS[2], "id": "a-b"}), {}, "one check name, a_b"),
        (suite({**QUESTIONS[2], "id": "dot_evaluation"}), {}, "one check name"),
        (suite({**QUESTIONS[2], "toleranc_pct": 1}), {}, "did you mean tolerance_pct"),
        (suite(), {"min_pass_rate": 90}, "a share from 0 to 1"),
        (suite(), {"on_fail": "skip"}, "on_fail must be fail or warn"),
        (suite(evaluation_id=""), {}, "evaluation_id"),
        ("none.yaml", {}, "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_when_the_code_location_loads(source: Any, arguments: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        checks(source, **arguments)


def test_a_question_may_be_a_check_of_another_asset_and_the_gate_may_stand_alone() -> None:
    elsewhere = {**QUESTIONS[2], "asset": "marts/customers"}
    assert {key.asset_key.to_user_string() for key in checks(suite(elsewhere)).check_keys} == {
        "orders",
        "marts/customers",
    }
    assert len(list(checks(per_question=False).check_keys)) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "evaluation_id"),
        ({"evaluation_id": "e", "baseline": "latest_pass"}, "baseline belongs to an evaluation with suite_file"),
        ({"suite_file": "s.yaml", "questions": ["q"]}, "questions belongs to an evaluation without suite_file"),
    ],
)
def test_a_field_of_the_other_kind_is_refused_in_yaml(fields: Any, words: str, tmp_path: Path) -> None:
    component = DotEvaluationComponent(checked_asset=orders.key, **fields)
    with pytest.raises(DotUsageError, match=words):
        component.build_defs(ComponentTree.for_test().load_context)
