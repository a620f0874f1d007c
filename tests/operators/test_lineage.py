"""What OpenLineage hears."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from dot_provider.history import WarehouseDestination
from dot_provider.operators import DotExportHistoryOperator, DotSyncConnectionOperator
from dot_provider.operators.lineage import place_of

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
    assert (output.namespace, output.name) == (f"dot://127.0.0.1:{dot.port}", "connections/dbt/shop")


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
    assert rows == {"dot.conversations": done["conversations"], "dot.messages": done["messages"]}


@pytest.mark.parametrize(
    ("destination", "credentials", "place"),
    [
        ("duckdb", "/data/w.duckdb", ("duckdb", "")),
        ("postgres", "postgresql://user:pw@host/db", ("postgres", "")),
        (
            "postgres",
            {"host": "pg", "port": 5432, "database": "shop", "username": "u", "password": "pw"},
            ("postgres://pg:5432", "shop"),
        ),
        ("snowflake", {"host": "acme.eu", "database": "SHOP", "password": "pw"}, ("snowflake://acme.eu", "SHOP")),
        ("bigquery", {"project_id": "shop", "private_key": "pw"}, ("bigquery", "shop")),
        (
            "databricks",
            {"server_hostname": "dbc", "catalog": "main", "access_token": "pw"},
            ("databricks://dbc", "main"),
        ),
        ("motherduck", {"database": "shop", "password": "pw"}, ("motherduck", "shop")),
    ],
)
def test_a_warehouse_is_named_without_secrets(destination: str, credentials: Any, place: tuple[str, str]) -> None:
    assert place_of(WarehouseDestination(destination, credentials)) == place
