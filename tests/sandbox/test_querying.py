"""Questions against a real DuckDB file with raw, staging and mart layers of the same tables."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dot_provider.sandbox import Sandbox, querying, warehouse
from tests.sandbox.api import Api


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("warehouse") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema staging; create schema marts; create schema raw")
        connection.execute("create table raw.raw_orders as select 1 as id from range(99)")
        connection.execute(
            "create table marts.fct_orders as select i as order_id, date '2026-01-01' + (i % 60)::int as ordered_on,"
            " ['new', 'paid', 'sent'][1 + i % 3] as status, (i * 1.5)::decimal(10, 2) as amount from range(30) t(i)"
        )
        connection.execute("create view staging.stg_orders as select * from marts.fct_orders limit 5")
        connection.execute("create table marts.order_items as select i as item_id from range(77) t(i)")
        connection.execute('create table marts."Odd Name" as select 1 as "a column"')
        connection.execute("create table marts._dlt_loads as select 1 as load_id")
    return path


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("How many orders?", ((30,),)),
        ("number of order items", ((77,),)),
        ("How many rows has the odd name?", ((1,),)),
        ("What is the total amount of orders?", ((652.5,),)),
        ("average amount per status for our orders", (("sent", 23.25), ("paid", 21.75), ("new", 20.25))),
        ("What is the total amount by status?", (("sent", 232.5), ("paid", 217.5), ("new", 202.5))),
        ("orders by status", (("new", 10), ("paid", 10), ("sent", 10))),
        ("What were total sales?", ((652.5,),)),
    ],
)
def test_simple_questions_are_answered_from_the_file(
    shop: Path, question: str, rows: tuple[tuple[object, ...], ...]
) -> None:
    assert querying.answer(shop, question).table.rows == rows


def test_time_runs_forward(shop: Path) -> None:
    found = querying.answer(shop, "How many orders per month?").table
    assert found.columns == ("month", "orders")
    assert [str(row[0]) for row in found.rows] == ["2026-01-01"]


def test_a_question_without_a_table_takes_the_one_before(shop: Path) -> None:
    assert querying.answer(shop, "and by status?", "How many orders?").table.columns == ("status", "orders")


def test_a_question_about_nothing_gets_the_list_of_tables(shop: Path) -> None:
    found = querying.answer(shop, "hello world").table
    assert ("marts.order_items", 77) in found.rows
    assert not any("_dlt" in str(row[0]) for row in found.rows)


def test_the_sandbox_answers_from_the_file_and_lets_go_of_it(shop: Path) -> None:
    with Sandbox(duckdb=shop) as dot:
        assert "**30** orders" in Api(dot).ask("How many orders?")[-1]["explanation"]
        with duckdb.connect(str(shop)) as writer:
            writer.execute("create table if not exists marts.written (a int)")


def test_an_absent_file_fails_the_question_and_lists_no_tables(tmp_path: Path) -> None:
    with Sandbox(duckdb=tmp_path / "later.duckdb") as dot:
        last = Api(dot).ask("How many orders?")[-1]
        assert last["status"] == "failed"
        assert "later.duckdb" in last["error"]
        assert Api(dot).get("/tables").json() == []


def test_a_file_that_this_process_writes_can_be_read(shop: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "open.duckdb")) as writer:
        writer.execute("create table orders as select 1 as id")
        assert querying.answer(tmp_path / "open.duckdb", "How many orders?").table.rows == ((1,),)


@pytest.mark.parametrize("name", ["Odd Name", 'with"quote', "1st"])
def test_unusual_names_are_quoted(name: str) -> None:
    assert warehouse.quoted(name).startswith('"')


def test_the_catalog_counts_rows(shop: Path) -> None:
    with Sandbox(duckdb=shop) as dot:
        tables = {table["id"]: table["num_rows"] for table in Api(dot).get("/tables").json()}
    assert tables["marts.fct_orders"] == 30
