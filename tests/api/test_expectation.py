"""What an answer must hold: read where it is exact, refused where it could be read in two ways."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api import Answer, DotAnswerUnexpectedError, DotUsageError
from dot_provider.api.answer import AnswerTable, read_number, with_whole_tables
from dot_provider.api.answer_files import fetch_files
from dot_provider.api.expectation import Expectation, number_of_answer
from tests.both_clients import Connect


def answer(*tables: AnswerTable, **more: Any) -> Answer:
    return Answer("The revenue is 7.", "chat-1", "https://dot.example.com/c/chat-1", "Revenue?", tables=tables, **more)


def table(preview: str, rows: int | None = None) -> AnswerTable:
    shape = None if rows is None else (rows, 1)
    return AnswerTable("df", preview=preview, shape=shape)


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("1204", (1204, "")),
        ("-1204.50", (-1204.5, "")),
        ("1e3", (1000.0, "")),
        ("1,234,567", (1234567, "")),
        ("1,204.50", (1204.5, "")),
        ("12 %", (12, "%")),
        ("€ 12", (12, "€")),
        ("12.5EUR", (12.5, "EUR")),
        ("1,204", None),
        ("1.204,50", None),
        ("€ 12 EUR", None),
        ("twelve", None),
        ("NaN", None),
        ("", None),
        ("2026-01-01", None),
        ("9" * 400, None),
        ("\uff11\uff12", None),
        ("\u22125", (-5, "")),
        ("\u20135.5 %", (-5.5, "%")),
        ("-$5", None),
        ("US$ 12", (12, "US$")),
        ("12\xa0€", (12, "€")),
        ("5 orders", (5, "orders")),
        ("3 kWh", (3, "kWh")),
        ("1.000", (1.0, "")),
        ("1.000 EUR", None),
        ("1.25 EUR", (1.25, "EUR")),
        ("12 MXN", (12, "MXN")),
        ("7 Stück", (7, "Stück")),
        *((cell, None) for cell in ("1.2M", "5 million", "1.2bn", "3k", "5 m", "3k€", "2 MEUR", "1.2 Mrd", "4 mnEUR")),
        *((cell, None) for cell in ("<5", ">100", "~5", "not 5", "Q5", "5?", "(5)", "5-", "≈5", "5+", "about 5")),
    ],
)
def test_a_cell_is_a_number_where_it_can_be_read_in_one_way(cell: str, read: Any) -> None:
    assert read_number(cell) == read


@given(st.text(max_size=80))
def test_any_cell_ends_in_a_number_or_none(cell: str) -> None:
    read_number(cell)


def test_one_cell_is_the_number() -> None:
    facts = Expectation("number", "value < 10 and unit == ''").judge(answer(table("revenue\n7\n", 1)))
    assert facts == {"value": 7, "unit": ""}


def test_the_unit_is_the_expected_one() -> None:
    assert Expectation({"number": "EUR"}).judge(answer(table("revenue\n7\n")))["unit"] == "EUR"
    with pytest.raises(DotAnswerUnexpectedError, match="EUR"):
        Expectation({"number": "EUR"}).judge(answer(table("revenue\n7 USD\n")))


@pytest.mark.parametrize(
    "tables",
    [
        (),
        (table("revenue\n7\n"), table("revenue\n7\n")),
        (table("revenue\n7\n8\n"),),
        (table("month,revenue\n1,7\n"),),
        (table("revenue\n7\n", rows=3),),
        (table("revenue\n1,204\n"),),
    ],
)
def test_prose_and_other_tables_are_no_number(tables: tuple[AnswerTable, ...]) -> None:
    assert number_of_answer(answer(*tables)) is None
    with pytest.raises(DotAnswerUnexpectedError) as refused:
        Expectation("number").judge(answer(*tables))
    assert refused.value.chat_url
    assert not refused.value.retryable


def test_rows_meet_a_schema() -> None:
    schema = {"type": "array", "minItems": 2, "items": {"properties": {"n": {"type": "number"}}, "required": ["n"]}}
    facts = Expectation(schema).judge(answer(table("month,n\n2026-01,3\n2026-02,4\n")))
    assert facts["rows"] == [{"month": "2026-01", "n": 3}, {"month": "2026-02", "n": 4}]
    with pytest.raises(DotAnswerUnexpectedError, match="n"):
        Expectation(schema).judge(answer(table("month,n\n2026-01,3\n2026-02,\n")))


@pytest.mark.parametrize("check", ["value < 5", "value", "value / 0 > 1", "rows | length > 1", "credits < 3"])
def test_a_check_that_is_not_true_fails(check: str) -> None:
    with pytest.raises(DotAnswerUnexpectedError):
        Expectation("number", check).judge(answer(table("revenue\n7\n")))


@pytest.mark.parametrize(
    ("expect", "check"),
    [
        ("text", None),
        ({}, None),
        ({"nubmer": "EUR"}, None),
        ({"Number": "EUR"}, None),
        ({"unit": "EUR"}, None),
        ({"number": 5}, None),
        ({"number": None}, None),
        ({"number": ""}, None),
        ({"number": "EUR", "type": "array"}, None),
        ({"properties": {"amount": {"minimum": 3}}}, None),
        ({"required": ["amount"]}, None),
        ({"items": {"$ref": "#/nope"}}, None),
        ({"items": {"$ref": "file:///etc/passwd"}}, None),
        ({"items": {"$ref": "http://127.0.0.1:9/x.json"}}, None),
        ({"type": "nothing"}, None),
        (None, "value < 5"),
        ("number", "value <"),
        ("number", "price < 5"),
        ("number", "{{ value }}"),
        ("number", "value }} {% for x in y %}"),
        ("number", 5),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(expect: Any, check: Any) -> None:
    with pytest.raises(DotUsageError):
        Expectation(expect, check)


def test_a_check_of_rows_takes_no_preview_for_the_table() -> None:
    preview = "n\n" + "\n".join("5" * 50) + "\n"
    with pytest.raises(DotAnswerUnexpectedError, match="of which 50 rows are here"):
        Expectation(None, "rows | map(attribute='n') | min >= 0").judge(answer(table(preview, 60)))
    assert Expectation(None, "text != ''").judge(answer(table(preview, 60))) == {}


def test_a_schema_may_refer_to_its_own_parts() -> None:
    schema = {"$defs": {"row": {"required": ["n"]}}, "items": {"$ref": "#/$defs/row"}}
    assert Expectation(schema).judge(answer(table("n\n7\n", 1))) == {"rows": [{"n": 7}]}
    with pytest.raises(DotAnswerUnexpectedError):
        Expectation({"$ref": "#"}).judge(answer(table("n\n7\n", 1)))


def test_a_check_reaches_nothing_but_what_it_knows() -> None:
    with pytest.raises(DotAnswerUnexpectedError):
        Expectation("number", "value.__class__.__base__").judge(answer(table("revenue\n7\n")))


def test_tables_are_read_from_their_files(connect: Connect) -> None:
    from dot_provider.sandbox import Sandbox

    answers = {"questions": [{"question": "How many orders?", "sql": "select 8530 as orders"}]}
    with Sandbox(answers=answers) as dot:
        client = connect(dot.base_url)
        asked = client.ask("How many orders?", "chat-1", look_for=0)
        whole = with_whole_tables(asked, client.run(fetch_files(asked.tables)))
    assert number_of_answer(whole) == (8530, "")
    assert whole.to_record()["tables"][0]["types"] == ["number"]
