"""Expected answers from real SQL: one cell each, the same text at each reading, and all that is wrong told at once."""

from __future__ import annotations

import math
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
import sqlalchemy

from dot_provider.api import EvaluationSuite
from dot_provider.api.errors import DotUsageError
from dot_provider.evaluations.answers import answer_text
from dot_provider.evaluations.metricflow import metricflow
from dot_provider.evaluations.relations import Relations


def suite(*sql: str, **fields: Any) -> EvaluationSuite:
    questions = [{"id": f"q{n}", "question": "q", "sql": text, "conn_id": "w", **fields} for n, text in enumerate(sql)]
    return EvaluationSuite.read({"name": "s", "evaluation_id": "e", "questions": questions})


class Opened:
    """Opens DuckDB in memory and counts."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.closed = 0

    def __call__(self, conn_id: str) -> Any:
        self.opened.append(conn_id)
        opened, connection = self, duckdb.connect()
        connection.execute(
            "create schema pr; create table pr.orders as select range as id, date '2026-01-31' as day from range(3)"
        )

        class Connection:
            cursor = staticmethod(connection.cursor)

            def close(self) -> None:
                opened.closed += 1

        return Connection()


def node(name: str, relation: str | None, **fields: Any) -> dict[str, Any]:
    kind = {"resource_type": "model", "package_name": "shop", "unique_id": f"model.shop.{name}"}
    return {**kind, "name": name, "relation_name": relation, **fields}


def manifest(*nodes: dict[str, Any]) -> dict[str, Any]:
    sources = {"s": {"source_name": "raw", "name": "orders", "relation_name": '"raw"."orders"'}}
    return {"nodes": {str(number): one for number, one in enumerate(nodes)}, "sources": sources}


def test_answers_are_computed_on_one_connection_and_nothing_of_it_is_sent() -> None:
    opened = Opened()
    asked = suite("select count(*) from pr.orders", "select max(day) from pr.orders;", "select 12.50")
    done = asked.with_answers(opened)
    assert [one["expected_answer"] for one in done.to_payload()] == ["3", "2026-01-31", "12.5"]
    assert (opened.opened, opened.closed) == (["w"], 1)
    assert done.definition_fingerprint == asked.definition_fingerprint
    assert "select" not in str(done.to_payload())
    assert done.to_payload()[0]["source"].startswith("sql on w, sha256 ")


def test_each_connection_is_opened_once_and_closed_also_after_an_error() -> None:
    opened = Opened()
    three = EvaluationSuite.read(
        {
            "name": "s",
            "evaluation_id": "e",
            "questions": [
                {"id": f"q{n}", "question": "q", "sql": "select 1" if n else "select x", "conn_id": f"w{n % 3}"}
                for n in range(50)
            ],
        }
    )
    with pytest.raises(DotUsageError):
        three.with_answers(opened)
    assert (sorted(opened.opened), opened.closed) == (["w0", "w1", "w2"], 3)


def test_everything_that_is_wrong_is_told_in_one_error() -> None:
    wrong = [
        "select 1 where false",
        "select 1 union all select 2",
        "select 1, 2",
        "select null",
        "select x",
        "create table a(b int)",
    ]
    with pytest.raises(DotUsageError) as caught:
        suite("select 1", *wrong).with_answers(Opened())
    words = ["q1: its SQL gives no row", "q2: its SQL gives more than one row", "q3: its SQL gives 2 columns"]
    words += ["q4: the value is NULL", "q5: the statement failed", "q6: its SQL begins with create"]
    assert [word for word in words if word not in str(caught.value)] == []
    assert str(caught.value).count("\n- ") == 6
    assert caught.value.retryable  # one of them, the statement, may work another time


@pytest.mark.parametrize(
    "sql", ["select 1; select 2", "create table t(a int); select 1", "select ';' ; select 2 -- ;", "select 1;;select 2"]
)
def test_more_than_one_statement_is_refused_before_it_runs(sql: str) -> None:
    """Some drivers run all of them, and give the result of the last."""
    connection = duckdb.connect()
    with pytest.raises(DotUsageError, match="q0: its SQL holds more than one statement"):
        suite(sql).with_answers(lambda conn_id: connection)
    assert duckdb.connect().execute("select count(*) from duckdb_tables()").fetchall() == [(0,)]


@pytest.mark.parametrize("sql", ["drop table orders", "/* a */ Truncate\torders", "-- b\nINSERT into orders select 1"])
def test_what_changes_the_warehouse_is_refused_before_it_runs(sql: str) -> None:
    connection = duckdb.connect()
    connection.execute("create table orders as select 1 as id")
    with pytest.raises(DotUsageError, match="q0: its SQL begins with"):
        suite(sql).with_answers(lambda conn_id: connection.cursor())
    assert connection.execute("select count(*) from orders").fetchall() == [(1,)]


def test_a_metric_without_metricflow_is_no_failure_that_passes() -> None:
    asked = {"id": "m", "question": "Revenue?", "metric": {"name": "revenue"}}
    with pytest.raises(DotUsageError, match="mf_command") as caught:
        EvaluationSuite.read({"name": "s", "questions": [asked]}).with_answers(Opened())
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; -- end",
        "select length(';\"') - 1;",
        "select 1 /* ; */",
        'select "a;b" from (select 1 as "a;b") ;',
        "select length($$;$$)",
        "select length($a$;$a$)",
    ],
)
def test_a_semicolon_that_ends_nothing_is_none(sql: str) -> None:
    assert suite(sql).with_answers(Opened()).to_payload()[0]["expected_answer"] == "1"


def test_a_connection_that_runs_no_sql_is_told() -> None:
    with pytest.raises(DotUsageError, match="'w' runs no SQL: str has no cursor"):
        suite("select 1").with_answers(lambda conn_id: "http://here")
    with pytest.raises(DotUsageError, match="cannot be opened: OSError: away") as caught:
        suite("select 1").with_answers(lambda conn_id: exec("raise OSError('away')"))
    assert caught.value.retryable


def test_an_engine_or_connection_of_sqlalchemy_will_do() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    for made in (lambda _: engine, lambda _: engine.connect(), lambda _: nullcontext(engine)):
        assert suite("select 1").with_answers(made).to_payload()[0]["expected_answer"] == "1"
    with pytest.raises(DotUsageError, match="runs no SQL"):
        suite("select 1").with_answers(lambda _: nullcontext("sqlite://"))


def test_a_question_without_a_connection_is_told() -> None:
    asked = EvaluationSuite.read(
        {"name": "s", "evaluation_id": "e", "questions": [{"id": "a", "question": "q", "sql": "select 1"}]}
    )
    with pytest.raises(DotUsageError, match="no connection"):
        asked.with_answers(Opened())
    assert asked.with_answers(Opened(), conn_id="w").to_payload()[0]["expected_answer"] == "1"


def test_any_connection_of_the_db_api_will_do() -> None:
    assert (
        suite("select 1 + 1")
        .with_answers(lambda conn_id: sqlite3.connect(":memory:"))
        .to_payload()[0]["expected_answer"]
        == "2"
    )


def test_templates_are_strict() -> None:
    asked = suite("select count(*) from pr.orders where day <= '{{ ds }}'")
    assert asked.with_answers(Opened(), {"ds": "2026-02-01"}).to_payload()[0]["expected_answer"] == "3"
    for template in ("{{ dss }}", "{{ 1 / 0 }}", "{{ ref('orders') }}"):
        with pytest.raises(DotUsageError, match="q0: "):
            suite(f"select {template}").with_answers(Opened(), {"ds": "2026-02-01"})


def test_ref_is_what_this_build_made_and_else_what_it_deferred_to() -> None:
    ours = manifest(node("orders", "pr.orders"), node("customers", "pr.customers"), node("eph", None))
    ours["nodes"]["e"] = node("soft", "x", config={"materialized": "ephemeral"})
    theirs = {"nodes": {"model.shop.customers": node("customers", "prod.customers")}}
    built = {"results": [{"unique_id": "model.shop.orders", "status": "success"}]}
    relations = Relations(ours, built, theirs)
    assert (relations.ref("orders"), relations.ref("shop", "customers")) == ("pr.orders", "prod.customers")
    assert relations.source("raw", "orders") == '"raw"."orders"'
    assert (
        suite("select count(*) from {{ ref('orders') }}")
        .with_answers(Opened(), manifest=ours)
        .questions[0]
        .fields["expected_answer"]
        == "3"
    )
    wrong: list[Callable[[], str]] = [
        lambda: relations.ref("none"),
        lambda: relations.ref("other", "orders"),
        lambda: Relations(ours).ref("eph"),
        lambda: Relations(ours).ref("soft"),
        lambda: relations.source("raw", "none"),
        lambda: Relations(ours, built, {"nodes": {}}).ref("customers"),
    ]
    for look in wrong:
        with pytest.raises(DotUsageError):
            look()


def test_versions_are_told_apart() -> None:
    both = [node("orders", f"orders_v{n}", version=n, latest_version=2) for n in (1, 2)]
    relations = Relations(manifest(*both))
    assert (relations.ref("orders"), relations.ref("orders", v=1), relations.ref("orders", version="2")) == (
        "orders_v2",
        "orders_v1",
        "orders_v2",
    )


def test_sql_files_lie_beside_the_suite(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "name: s\nevaluation_id: e\nquestions:\n  - {id: a, question: q, sql_file: sql/a.sql, conn_id: w}\n"
    )
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "a.sql").write_text("select {{ n }}")
    assert (
        EvaluationSuite.read(tmp_path / "s.yaml").with_answers(Opened(), {"n": 7}).to_payload()[0]["expected_answer"]
        == "7"
    )
    (tmp_path / "sql" / "a.sql").unlink()
    with pytest.raises(DotUsageError, match=r"a \(line 4\): .*cannot be read"):
        EvaluationSuite.read(tmp_path / "s.yaml").with_answers(Opened(), {"n": 7})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(0, "0"), (-0.0, "0"), (5, "5"), (2**70, str(2**70)), (-3, "-3")],
        *[(Decimal("12.50"), "12.5"), (Decimal("1E+3"), "1000"), (Decimal("-0.00"), "0"), (Decimal("100"), "100")],
        *[(1e16, "10000000000000000"), (0.1 + 0.2, "0.3"), (9976.499999999998, "9976.5"), (1e-7, "0.0000001")],
        *[(date(2026, 1, 31), "2026-01-31"), (datetime(2026, 1, 31), "2026-01-31")],
        *[(" 12.50 ", "12.50"), ("19%", "19%"), ("€ 5", "€ 5"), ("2026-01-31", "2026-01-31"), ("-7", "-7")],
    ],
)
def test_a_cell_becomes_a_text_that_means_the_same_everywhere(value: Any, text: str) -> None:
    assert answer_text(value, {}) == text


@pytest.mark.parametrize(
    "value",
    [
        *[None, True, False, math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("Infinity"), Decimal("1e200")],
        *[b"1", uuid4(), timedelta(1), time(1), [1], {"a": 1}, 10**200],
        *[datetime(2026, 1, 31, 1), datetime(2026, 1, 31, tzinfo=timezone.utc)],
        *["", "about ten", "1,234", "1 234.5", "nan", "0x10", "٣", "2026-02-30", "2026-01-31 00:00:00", "5 apples"],
    ],
)
def test_a_cell_that_is_no_number_or_day_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        answer_text(value, {})


def test_a_float_is_compared_within_a_tolerance_only() -> None:
    with pytest.raises(ValueError, match="cast it to decimal"):
        answer_text(0.1, {"tolerance_pct": "0"})
    assert answer_text(3.0, {"tolerance_pct": "0"}) == "3"


@pytest.mark.parametrize(("value", "kind"), [(5, "date"), (date(2026, 1, 31), "count")])
def test_a_value_fits_its_type(value: Any, kind: str) -> None:
    with pytest.raises(ValueError, match=kind):
        answer_text(value, {"answer_type": kind})


def test_sums_of_doubles_have_one_text() -> None:
    with duckdb.connect() as connection:
        connection.execute("create table t as select random() * 1000 as x from range(200000)")
        found = {
            answer_text(row[0], {}) for _ in range(20) for row in connection.execute("select sum(x) from t").fetchall()
        }
    assert len(found) <= 2


MF = """#!{python}
import sys
asked = sys.argv[sys.argv.index("--metrics") + 1].split(",")
if "unknown" in asked:
    print("Initiating...\\nERROR: Got error(s).\\n  The given input matches no metric\\n\\nLog File:: x\\n https://bugs")
    sys.exit(1)
value = "7" if "--where" in sys.argv else "1234567890123456.78"
values = ["" if name == "empty" else value for name in asked]
open(sys.argv[sys.argv.index("--csv") + 1], "w").write(",".join(asked) + "\\n" + ",".join(values) + "\\n")
open("calls", "a").write("x")
"""


def test_metrics_are_asked_in_one_query_and_keep_their_digits(tmp_path: Path) -> None:
    command = tmp_path / "mf"
    command.write_text(MF.format(python=sys.executable))
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    metrics = [{"name": "revenue"}, {"name": "orders"}, {"name": "revenue", "where": "{{ Dimension('x') }} = 1"}]

    def asked(*names: dict[str, str]) -> EvaluationSuite:
        questions = [{"id": f"q{n}", "question": "q", "metric": one} for n, one in enumerate(names)]
        read = EvaluationSuite.read({"name": "s", "evaluation_id": "e", "questions": questions})
        return read.with_answers(Opened(), query_metrics=metricflow([str(command)], tmp_path))

    done = asked(*metrics).to_payload()
    assert [one["expected_answer"] for one in done] == ["1234567890123456.78"] * 2 + ["7"]
    assert done[0]["source"] == "metric revenue"
    assert (tmp_path / "calls").read_text() == "xx"
    for name, words in (
        ("empty", "NULL"),
        ("unknown", r"unknown: Got error\(s\)\. The given input matches no metric\.$"),
    ):
        with pytest.raises(DotUsageError, match=words):
            asked({"name": name})
    with pytest.raises(DotUsageError, match="cannot be run"):
        metricflow([str(tmp_path / "none")], tmp_path)([{"name": "revenue"}])
