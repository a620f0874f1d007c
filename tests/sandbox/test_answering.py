"""Questions against a real DuckDB file with raw, staging and mart layers of the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from dot_provider.sandbox import Sandbox, warehouse
from dot_provider.sandbox.answering import NoAnswer, answer
from dot_provider.sandbox.answers import Answers
from dot_provider.sandbox.results import Chart, Result
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


def ask(question: str, file: Path | None = None, context: str = "", seed: int = 0, **entry: Any) -> Result:
    answers = Answers.read({"questions": [{"pattern": ".", **entry}]} if entry else {})
    return answer(question, context, answers, file, seed)


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("How many orders?", 30),
        ("number of order items", 77),
        ("How many rows has the odd name?", 1),
        ("How many orders do we have, and how many customers?", 30),
    ],
)
def test_how_many_counts_the_table_that_is_named_marts_first(shop: Path, question: str, count: int) -> None:
    assert ask(question, shop).table.rows == ((count,),)


@pytest.mark.parametrize("question", ["hello world", "What is the total amount of orders?", "How many customers?"])
def test_other_questions_get_the_list_of_tables(shop: Path, question: str) -> None:
    found = ask(question, shop)
    assert ("marts.order_items", 77) in found.table.rows
    assert not any("_dlt" in str(row[0]) for row in found.table.rows)
    assert "answers file" in found.text


def test_an_entry_is_answered_with_its_sql(shop: Path) -> None:
    sql = "select status, sum(amount) as amount, count(*) as orders from marts.fct_orders group by 1 order by 1"
    found = ask("?", shop, sql=sql, chart={"y": "orders", "title": "Orders"}, follow_ups=["Why?"])
    assert (found.sql, found.follow_ups) == (sql, ("Why?",))
    assert found.text == found.table.markdown()
    assert found.chart == Chart("Orders", ("new", "paid", "sent"), (10.0, 10.0, 10.0))


def test_a_text_is_rendered_with_the_result(shop: Path) -> None:
    text = "{{ value | show }} {{ rows | length }} {{ rows[0].amount }} {{ who }}"
    found = ask(
        "for Ada", shop, pattern="for (?P<who>.*)", sql="select sum(amount) as amount from marts.fct_orders", text=text
    )
    assert found.text == "652.50 1 652.50 Ada"


def test_a_group_that_matched_nothing_is_null() -> None:
    found = ask("orders", pattern="orders( of (?P<who>.*))?", sql="select coalesce($who, 'all') as who")
    assert found.table.rows == (("all",),)


def test_a_single_value_is_said_with_the_name_of_its_column() -> None:
    assert ask("?", sql="select 1234 as open_orders").text == "Open orders: **1,234**"


@pytest.mark.parametrize(
    "entry",
    [
        {"sql": "select nothing"},
        {"sql": "selec"},
        {"sql": "select $who"},
        {"sql": ""},
        {"sql": "select 1 as a", "chart": {"x": "b"}},
        {"sql": "select 1 as a where false", "text": "{{ rows[0].a }}"},
        {"sql": "select 1 as a", "text": "{{ 1 / 0 }}"},
    ],
)
def test_a_broken_entry_says_what_is_wrong(entry: dict[str, Any]) -> None:
    with pytest.raises((NoAnswer, ValueError), match=r"could not answer|sql"):
        ask("?", **entry)


@pytest.mark.parametrize(
    "value", ["null", "'nan'::double", "'infinity'::double", "true", "[1]", "{'a': 1}", "blob 'a'", "now()", "1e300"]
)
def test_any_value_can_be_answered(value: str) -> None:
    with Sandbox(answers={"questions": [{"pattern": ".", "sql": f"select {value} as v, 'x' as w"}]}) as dot:
        api = Api(dot)
        reply = api.ask("?", headers={"X-Response-Format": "cli"})[-1]
        assert dot.conversations["chat"].status == "answered"
        for asset, kind in (("df_1", "csv"), ("chart_1", "chart")):
            address = reply["additional_data"]["assets"][asset][f"{kind}_download_url"]
            assert api.session.get(address, timeout=5).status_code == 200


def test_the_file_is_let_go_of(shop: Path) -> None:
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


def test_a_file_that_this_process_writes_can_be_read(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "open.duckdb")) as writer:
        writer.execute("create table orders as select 1 as id")
        assert ask("How many orders?", tmp_path / "open.duckdb").table.rows == ((1,),)


@pytest.mark.parametrize("name", ["Odd Name", 'with"quote', "1st", "order"])
def test_names_are_quoted(name: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"create table {warehouse.quoted(name)} (a int)")


def test_the_catalog_counts_rows(shop: Path) -> None:
    with Sandbox(duckdb=shop) as dot:
        tables = {table["id"]: table["num_rows"] for table in Api(dot).get("/tables").json()}
    assert tables["marts.fct_orders"] == 30


def test_a_view_that_is_broken_does_not_hide_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table gone as select 1 as a; create view v as select * from gone; drop table gone")
        connection.execute("create table kept as select 1 as a")
    assert ("main.kept", 1) in ask("?", path).table.rows


def test_wording_that_means_the_same_gets_the_same_made_up_answer() -> None:
    assert ask("Orders by region?") == ask("orders  BY region")


@pytest.mark.parametrize(("question", "context", "seed"), [("x y", "", 0), ("x", "before", 0), ("x", "", 1)])
def test_question_context_and_seed_all_matter(question: str, context: str, seed: int) -> None:
    assert ask(question, None, context, seed).table.rows != ask("x").table.rows


def test_a_made_up_answer_is_about_the_question_and_says_what_it_is() -> None:
    found = ask("How many customers per channel?")
    assert found.table.columns == ("channel", "customers")
    assert f"**{sum(value for _, value in found.table.rows):,}**" in found.text
    assert "Made up by the sandbox" in found.text
    assert found.is_made_up
