"""What OpenLineage hears."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from dot_provider.history import WarehouseDestination
from dot_provider.operators import DotAskOperator, DotExportHistoryOperator, DotSyncConnectionOperator
from dot_provider.operators.lineage import named, tables_read

with_openlineage = pytest.mark.skipif(
    importlib.util.find_spec("airflow.providers.openlineage") is None,
    reason="apache-airflow-providers-openlineage is not installed",
)


@with_openlineage
def test_a_sync_names_the_connection(sandbox: Any) -> None:
    dot = sandbox()
    task = DotSyncConnectionOperator(task_id="t", connection_type="dbt", connection_id="shop")
    assert task.get_openlineage_facets_on_complete(None).outputs == []
    task.execute({})
    (output,) = task.get_openlineage_facets_on_complete(None).outputs
    assert (output.namespace, output.name) == (f"dot://127.0.0.1:{dot.port}", "connection/dbt/shop")


@with_openlineage
def test_an_export_names_both_tables_with_their_rows(sandbox: Any, tmp_path: Path) -> None:
    sandbox(history=50)
    task = DotExportHistoryOperator(
        task_id="t", destination="duckdb", database=str(tmp_path / "w.duckdb"), start_date="2020-01-01"
    )
    assert task.get_openlineage_facets_on_complete(None).outputs == []
    done = task.execute({})
    lineage = task.get_openlineage_facets_on_complete(None)
    assert [dataset.name for dataset in lineage.inputs] == ["history"]
    rows = {dataset.name: dataset.outputFacets["outputStatistics"].rowCount for dataset in lineage.outputs}
    assert rows == {"w.dot.conversations": done["conversations"], "w.dot.messages": done["messages"]}


@with_openlineage
def test_an_answer_names_the_tables_it_was_read_from(sandbox: Any, run_task: Any, monkeypatch: Any) -> None:
    answers = {"questions": [{"question": "How many orders?", "sql": "select count(*) as n from (select 1)"}]}
    dot = sandbox(answers=answers)
    kept = list[Any]()
    monkeypatch.setattr(DotAskOperator, "post_execute", lambda task, *_: kept.append(task))
    assert run_task(DotAskOperator, question="How many orders?").state == "success"
    lineage = kept[0].get_openlineage_facets_on_complete(None)
    (chat,) = dot.conversations.values()
    assert [dataset.name for dataset in lineage.outputs] == [f"chat/{chat.chat_id}"]


def test_tables_are_those_that_statements_read() -> None:
    statements = [
        "with o as (select * from shop.orders) select * from o join customers c using (id)",
        "select * from `p.d.events` where x in (select y from shop.orders)",
        "this is no sql (",
    ]
    assert tables_read(statements) == ["customers", "p.d.events", "shop.orders"]


@pytest.mark.parametrize(
    ("destination", "credentials", "namespace", "name"),
    [
        ("duckdb", {"database": "/data/w.duckdb"}, "duckdb:///data/w.duckdb", "w.dot.messages"),
        ("duckdb", None, "duckdb", "dot.messages"),
        ("postgres", "postgresql://user:pw@host/db", "postgres", "dot.messages"),
        (
            "postgres",
            {"host": "pg", "port": 5432, "database": "shop", "username": "u", "password": "pw"},
            "postgres://pg:5432",
            "shop.dot.messages",
        ),
        (
            "redshift",
            {"host": "c1.abc.eu-west-1.redshift.amazonaws.com", "port": 5439, "database": "shop", "password": "pw"},
            "redshift://c1.eu-west-1:5439",
            "shop.dot.messages",
        ),
        ("snowflake", {"host": "acme-eu", "database": "shop"}, "snowflake://acme-eu", "SHOP.DOT.MESSAGES"),
        ("snowflake", {"host": "ab1", "database": "SHOP"}, "snowflake://ab1.us-west-1.aws", "SHOP.DOT.MESSAGES"),
        ("snowflake", {"host": "ab1.eu-1", "database": "S"}, "snowflake://ab1.eu-1.aws", "S.DOT.MESSAGES"),
        ("snowflake", {"host": "ab1.eu-1.gcp", "database": "S"}, "snowflake://ab1.eu-1.gcp", "S.DOT.MESSAGES"),
        ("bigquery", {"project_id": "shop", "private_key": "pw"}, "bigquery", "shop.dot.messages"),
        (
            "databricks",
            {"server_hostname": "dbc", "catalog": "main", "access_token": "pw"},
            "databricks://dbc",
            "main.dot.messages",
        ),
        ("motherduck", {"database": "shop", "password": "pw"}, "duckdb://md:shop", "shop.dot.messages"),
        (
            "clickhouse",
            {"host": "ch", "port": 9000, "database": "shop"},
            "clickhouse://ch:9000",
            "shop.dot___messages",
        ),
        (
            "sqlalchemy",
            {"drivername": "mysql+pymysql", "host": "my", "port": 3306, "database": "shop", "password": "pw"},
            "mysql://my:3306",
            "dot.messages",
        ),
        ("mssql", {"host": "ms", "port": 1433, "database": "shop"}, "mssql://ms:1433", "shop.dot.messages"),
    ],
)
def test_a_table_is_named_as_openlineage_has_it_and_without_secrets(
    destination: str, credentials: Any, namespace: str, name: str
) -> None:
    table = "shop.dot___messages" if destination == "clickhouse" else "dot.messages"
    assert named(WarehouseDestination(destination, credentials), [table]) == (namespace, [name])


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Airflow's OpenLineage listener, at work with a file as its backend; a function that returns the last events."""
    from airflow.providers.openlineage.plugins.listener import OpenLineageListener
    from airflow.sdk.listener import get_listener_manager

    file = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(file), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    # By default it forks, which a process with the threads of a test must not.
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD", "True")
    listeners, listener = get_listener_manager(), OpenLineageListener()
    listeners.add_listener(listener)
    yield lambda: {event["job"]["name"]: event for event in map(json.loads, file.read_text().splitlines())}
    listeners.pm.unregister(listener)


@with_openlineage
def test_airflow_emits_what_a_sync_and_an_export_moved(
    sandbox: Any, run_dag: Any, emitted: Any, tmp_path: Path
) -> None:
    dot = sandbox(history=50)
    with DAG("moves", schedule=None) as dag:
        DotSyncConnectionOperator(task_id="sync", connection_type="dbt", connection_id="shop")
        DotExportHistoryOperator(
            task_id="export", destination="duckdb", database=str(tmp_path / "w.duckdb"), start_date="2020-01-01"
        )
    run = run_dag(dag)
    assert run.state == "success"

    here, sync, export = f"dot://127.0.0.1:{dot.port}", emitted()["moves.sync"], emitted()["moves.export"]
    assert (sync["eventType"], sync["inputs"]) == ("COMPLETE", [])
    assert [(one["namespace"], one["name"]) for one in sync["outputs"]] == [(here, "connection/dbt/shop")]
    assert export["eventType"] == "COMPLETE"
    assert [(one["namespace"], one["name"]) for one in export["inputs"]] == [(here, "history")]
    assert {
        (one["namespace"], one["name"], one["outputFacets"]["outputStatistics"]["rowCount"])
        for one in export["outputs"]
    } == {
        (f"duckdb://{tmp_path}/w.duckdb", f"w.dot.{table}", run.xcom("export")[table])
        for table in ("conversations", "messages")
    }
    assert dot.token not in json.dumps(emitted())
