"""Exporting history from a DAG."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from airflow.exceptions import AirflowException, AirflowFailException
from airflow.sdk import DAG, Asset

from dot_provider.api.errors import DotUsageError
from dot_provider.operators import DotExportHistoryOperator

UNTIL = date(2026, 10, 31)


def _days(dot: Any) -> list[tuple[str, str]]:
    asked = [r.query for r in dot.requests if r.path == "/api/export_history"]
    return [(query["start_date"], query["end_date"]) for query in asked]


def _count(path: Path, table: str) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return int(connection.execute(f"select count(*) from {table}").fetchall()[0][0])


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DuckDB file behind the connection ``warehouse_default``."""
    path = tmp_path / "warehouse.duckdb"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps({"conn_type": "duckdb", "host": str(path)}))
    return path


def test_loads_the_days_into_the_warehouse_of_a_connection(sandbox: Any, run_task: Any, warehouse: Path) -> None:
    dot = sandbox(history=300, history_until=UNTIL)
    arguments = {"warehouse_conn_id": "warehouse_default", "start_date": "2026-10-01", "end_date": UNTIL}
    run = run_task(DotExportHistoryOperator, **arguments)
    assert run.state == "success"
    loaded = run.xcom("task")
    assert _count(warehouse, "dot.conversations") == loaded["conversations"] > 0
    assert _count(warehouse, "dot.messages") == loaded["messages"] > 0
    assert (loaded["start_date"], loaded["end_date"]) == ("2026-10-01", "2026-10-31")
    assert _days(dot) == [("2026-10-01", "2026-10-31")]


def test_the_same_days_again_give_the_same_rows(sandbox: Any, run_task: Any, tmp_path: Path) -> None:
    sandbox(history=100, history_until=UNTIL)
    path = tmp_path / "history.duckdb"
    arguments = {"destination": "duckdb", "database": str(path), "dataset": "chats", "start_date": "2026-01-01"}
    first = run_task(DotExportHistoryOperator, **arguments).xcom("task")
    second = run_task(DotExportHistoryOperator, **arguments).xcom("task")
    counts = {"new", "unchanged"}
    assert {n: v for n, v in first.items() if n not in counts} == {n: v for n, v in second.items() if n not in counts}
    assert (first["new"], second["new"], second["unchanged"]) == (100, 0, 100)
    assert _count(path, "chats.conversations") == first["conversations"]


@pytest.mark.parametrize(
    ("interval", "previous", "days"),
    [
        (("2026-03-01T00:00", "2026-03-02T00:00"), None, ("2026-02-26", "2026-03-02")),
        (("2026-03-01T06:00", "2026-03-01T06:00"), None, ("2026-02-26", "2026-03-02")),
        (("2026-03-08T06:00", "2026-03-08T06:00"), "2026-03-01T06:00", ("2026-02-26", "2026-03-09")),
        (("2026-03-01T00:00", "2026-03-02T00:00"), "2026-02-01T00:00", ("2026-02-26", "2026-03-02")),
    ],
    ids=[
        "an interval",
        "a moment",
        "a moment, a week after the last success",
        "an interval wins over the last success",
    ],
)
def test_the_window_is_what_the_run_stands_for_and_three_days_before(
    sandbox: Any, tmp_path: Path, interval: tuple[str, str], previous: str | None, days: tuple[str, str]
) -> None:
    dot = sandbox(history=10, history_until=UNTIL)
    start, end = (datetime.fromisoformat(text).replace(tzinfo=timezone.utc) for text in interval)
    last = datetime.fromisoformat(previous).replace(tzinfo=timezone.utc) if previous else None
    task = DotExportHistoryOperator(task_id="t", destination="duckdb", database=str(tmp_path / "w.duckdb"))
    task.execute({"data_interval_start": start, "data_interval_end": end, "prev_data_interval_end_success": last})
    assert _days(dot) == [days]


def test_a_run_without_any_day_is_refused_before_anything_is_sent(sandbox: Any, run_dag: Any, tmp_path: Path) -> None:
    dot = sandbox(history=10)
    with DAG("undated", schedule=None) as dag:
        DotExportHistoryOperator(task_id="t", destination="duckdb", database=str(tmp_path / "w.duckdb"))
    run = run_dag(dag, logical_date=None)
    assert run.state == "failed"
    assert "start_date" in str(run.error("t"))
    assert _days(dot) == []


@pytest.mark.parametrize(
    ("context", "days"),
    [
        ({"partition_key": "2026-03-01"}, ("2026-02-26", "2026-03-02")),
        ({"partition_key": "2026-03-01T06:00:00"}, ("2026-02-26", "2026-03-02")),
        ({"dag_run": SimpleNamespace(partition_key="2026-03-01")}, ("2026-02-26", "2026-03-02")),
        (
            {"partition_key": "eu", "partition_date": datetime(2026, 3, 1, tzinfo=ZoneInfo("Europe/Berlin"))},
            ("2026-02-26", "2026-03-02"),
        ),
    ],
    ids=["a key", "a key with an hour", "the key of the run", "Airflow's date of the partition"],
)
def test_a_partitioned_run_exports_the_day_of_its_partition(
    sandbox: Any, tmp_path: Path, context: Any, days: tuple[str, str]
) -> None:
    dot = sandbox(history=10, history_until=UNTIL)
    task = DotExportHistoryOperator(task_id="t", destination="duckdb", database=str(tmp_path / "w.duckdb"))
    task.execute(context)
    assert _days(dot) == [days]


def test_the_start_date_of_a_dags_default_args_is_not_taken_for_the_window() -> None:
    started = datetime(2020, 1, 1, tzinfo=timezone.utc)
    with DAG("old_style", schedule=None, default_args={"start_date": started}):
        task = DotExportHistoryOperator(task_id="t", destination="duckdb")
    assert task.start_date == started
    assert task.first_day is None


def test_an_interrupted_export_loads_nothing_and_is_retried(sandbox: Any, tmp_path: Path) -> None:
    dot = sandbox(history=100, history_until=UNTIL)
    path = tmp_path / "w.duckdb"
    task = DotExportHistoryOperator(task_id="t", destination="duckdb", database=str(path), start_date="2026-10-01")
    dot.fail_next("/export_history", status=500)
    with pytest.raises(AirflowException) as failed:
        task.execute({"partition_key": "2026-03-01"})
    assert not isinstance(failed.value, AirflowFailException)
    assert not path.exists()


NOWHERE: dict[str, Any] = {"start_date": "2026-10-01", "end_date": UNTIL}


def test_a_motherduck_connection_in_airflows_form_is_not_a_local_file(
    sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: Any
) -> None:
    sandbox()
    monkeypatch.chdir(tmp_path)
    connection = {"conn_type": "duckdb", "schema": "analytics", "password": "TOKEN"}
    monkeypatch.setenv("AIRFLOW_CONN_W", json.dumps(connection))
    warehouse = mocker.patch("dot_provider.history.publish.Warehouse")
    warehouse.return_value.open.side_effect = RuntimeError("asked TOKEN")
    with pytest.raises(AirflowException, match=r"into motherduck failed with RuntimeError: asked \*\*\*"):
        DotExportHistoryOperator(task_id="t", warehouse_conn_id="W", **NOWHERE).execute({})
    assert warehouse.call_args.args[:2] == ("motherduck", {"database": "analytics", "password": "TOKEN"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"destination": "duckdb"}, "DuckDB file has no path"),
        ({"destination": "duckdb", "database": ":memory:"}, "in memory would be gone"),
        ({"destination": "duckdb", "database": "w.duckdb", "dataset": ""}, "dataset is empty"),
        ({"destination": "duckdb", "database": "w.duckdb", "dataset": "x" * 64}, "at most 63"),
    ],
)
def test_a_place_that_holds_no_history_is_refused_without_a_retry_or_a_file(
    sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, words: str
) -> None:
    dot = sandbox()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AirflowFailException, match=words):
        DotExportHistoryOperator(task_id="t", **arguments, **NOWHERE).execute({})
    assert dot.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_is_told_as_the_warehouse_has_it(
    sandbox: Any, run_task: Any, warehouse: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox(history=20, history_until=UNTIL)
    loaded = run_task(
        DotExportHistoryOperator, warehouse_conn_id="warehouse_default", dataset="DotHistory", **NOWHERE
    ).xcom("task")
    assert loaded["tables"] == ["dot_history.conversations", "dot_history.messages"]
    assert caplog.text.count("Loading into duckdb") == 1
    assert _count(warehouse, "dot_history.conversations") == loaded["conversations"]


def test_credentials_come_from_a_function_once_more_after_the_download(sandbox: Any, tmp_path: Path) -> None:
    dot = sandbox(history=20, history_until=UNTIL)
    asked: list[int] = []

    def credentials() -> str:
        asked.append(len(dot.requests))
        return str(tmp_path / "w.duckdb")

    task = DotExportHistoryOperator(task_id="t", destination="duckdb", credentials=credentials, **NOWHERE)
    assert task.execute({})["conversations"] > 0
    assert asked == [0, 1]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"warehouse_conn_id": "w", "database": "x.duckdb"},
        {"warehouse_conn_id": "w", "credentials": "x.duckdb"},
        {"destination": "duckdb", "credentials": "x", "database": "x.duckdb"},
    ],
)
def test_a_place_to_load_into_is_asked_for_when_the_dag_is_parsed(arguments: Any) -> None:
    with pytest.raises(DotUsageError, match="give "):
        DotExportHistoryOperator(task_id="t", **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"destination": "excel"}, "'excel' is no supported warehouse"),
        ({"warehouse_conn_id": "nowhere"}, "Airflow has no connection 'nowhere'"),
        ({"warehouse_conn_id": ""}, "Airflow has no connection ''"),
        ({"destination": "duckdb", "start_date": "yesterday"}, "start_date .* is not a day in the form YYYY-MM-DD"),
        (
            {"destination": "duckdb", "start_date": "2026-02-02", "end_date": "2026-02-01"},
            "end_date 2026-02-01 is before start_date 2026-02-02",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(sandbox: Any, arguments: Any, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotExportHistoryOperator(task_id="t", **arguments).execute({"partition_key": "2026-03-01"})
    assert dot.requests == []


def test_a_negative_lookback_is_refused(sandbox: Any) -> None:
    dot = sandbox()
    moment = datetime(2026, 1, 1, tzinfo=timezone.utc)
    task = DotExportHistoryOperator(task_id="t", destination="duckdb", lookback_days=-1)
    with pytest.raises(AirflowFailException, match="lookback_days must be a whole number"):
        task.execute({"data_interval_start": moment, "data_interval_end": moment})
    assert dot.requests == []


def test_the_event_of_an_asset_says_how_many_rows_came(sandbox: Any, run_dag: Any, tmp_path: Path) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    sandbox(history=20, history_until=UNTIL)
    asset = Asset("dot://app.getdot.ai/history")
    with DAG("with_outlet", schedule=None) as dag:
        DotExportHistoryOperator(
            task_id="export",
            destination="duckdb",
            database=str(tmp_path / "w.duckdb"),
            start_date="2026-01-01",
            outlets=[asset],
        )
    run = run_dag(dag)
    with create_session() as session:
        events = session.query(AssetEvent).filter(AssetEvent.source_run_id == run.dag_run.run_id).all()
        assert [event.extra for event in events] == [run.xcom("export")]
