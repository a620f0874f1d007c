"""The page on the first query: each connection can be loaded through, each query runs or is its warehouse's SQL."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import duckdb
import pytest
import sqlglot

from dot_provider.api import DotClient
from dot_provider.history import HistoryWindow, destination_from_connection, export_history
from dot_provider.sandbox import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "first-query.md"
SECTIONS = re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("title", "section"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_the_connection_leads_to_a_warehouse(title: str, section: str, tmp_path: Path) -> None:
    (command,) = re.findall(r"```console\n(.*?)\n```", section)
    arguments = shlex.split(command)
    fields = json.loads(arguments[-1])
    if title == "DuckDB":
        fields["host"] = str(tmp_path / "warehouse.duckdb")
    kind = fields.pop("conn_type")
    assert arguments[:-2] == ["airflow", "connections", "add", "warehouse_default"]
    assert destination_from_connection(kind, **fields).destination == title.lower().replace("postgresql", "postgres")


@pytest.mark.parametrize(("title", "section"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_the_query_is_that_warehouses_sql(title: str, section: str) -> None:
    (query,) = re.findall(r"```sql\n(.*?)\n```", section, re.DOTALL)
    dialect = title.lower().replace("postgresql", "postgres")
    statement = sqlglot.parse_one(query, dialect=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    assert [table.name for table in statement.find_all(sqlglot.exp.Table)] == ["conversations"]


def test_the_query_runs(tmp_path: Path) -> None:
    section = dict(SECTIONS)["DuckDB"]
    (query,) = re.findall(r"```sql\n(.*?)\n```", section, re.DOTALL)
    file = tmp_path / "warehouse.duckdb"
    with Sandbox(history=30) as dot:
        export_history(
            DotClient(dot.token, dot.base_url),
            HistoryWindow.of_dates("2020-01-01", "2030-01-01"),
            destination="duckdb",
            credentials=str(file),
        )
    with duckdb.connect(str(file)) as warehouse:
        assert sum(count for _, count in warehouse.execute(query).fetchall()) == 30
