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
        *((cell, None) for cell in ("5 orders", "3 kWh", "7 Stück", "5 DR", "5 loss", "5CR", "DBT 5", "5 short")),
        *((cell, None) for cell in ("007", "01234", "-05")),
        ("0", (0, "")),
        ("0.5", (0.5, "")),
        ("1.000", (1.0, "")),
        ("1.000 EUR", None),
        ("1.25 EUR", (1.25, "EUR")),
        ("12 MXN", (12, "MXN")),
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


@pytest.mark.parametrize(("unit", "cell"), [("orders", "5 orders"), ("kWh", "5 kWh"), ("M", "5M"), ("DR", "DR 5")])
def test_a_word_that_is_no_currency_is_a_unit_where_it_is_the_expected_one(unit: str, cell: str) -> None:
    if cell.startswith(unit):  # only currencies stand before a number
        with pytest.raises(DotAnswerUnexpectedError):
            Expectation({"number": unit}).judge(answer(table(f"n\n{cell}\n")))
    else:
        assert Expectation({"number": unit}).judge(answer(table(f"n\n{cell}\n"))) == {"value": 5, "unit": unit}


@pytest.mark.parametrize(
    ("unit", "column", "fits"),
    [
        ("EUR", "revenue_usd", False),
        ("EUR", "revenueUSD", False),
        ("EUR", "Revenue (in $)", False),
        ("EUR", "share in %", False),
        ("EUR", "refund_pct", False),
        ("EUR", "revenue_eur_thousands", False),
        ("EUR", "Revenue in k EUR", False),
        ("USD", "eur_to_usd", False),
        ("EUR", "revenue_eur", True),
        ("EUR", "Revenue (€)", True),
        ("€", "revenue_eur", True),
        ("EUR", "revenue_of_all_top_customers", True),
        ("%", "refund_pct", True),
        ("orders", "orders", True),
    ],
)
def test_a_column_that_names_another_unit_is_not_the_expected_number(unit: str, column: str, fits: bool) -> None:
    expectation = Expectation({"number": unit})
    if fits:
        assert expectation.judge(answer(table(f"{column}\n7\n"))) == {"value": 7, "unit": unit}
    else:
        with pytest.raises(DotAnswerUnexpectedError) as refused:
            expectation.judge(answer(table(f"{column}\n7\n")))
        assert refused.value.facts["value"] == 7


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


OF_N: dict[str, Any] = {"minimum": 3}


@pytest.mark.parametrize(
    ("schema", "csv"),
    [
        ({"items": {"properties": {"n": OF_N}}}, "n\n12 EUR\n"),
        ({"items": {"properties": {"n": OF_N}}}, "n,m\n,1\n"),
        ({"items": {"properties": {"n": OF_N}}}, 'n\n"1,204"\n'),
        ({"items": {"properties": {"n": {"not": OF_N}}}}, "n\ntwelve\n"),
        ({"items": {"if": {"properties": {"n": OF_N}}, "then": False}}, "n\ntwelve\n"),
        ({"items": {"additionalProperties": OF_N}}, "n\ntwelve\n"),
        ({"items": {"properties": {"n": {"type": ["number", "null"], **OF_N}}}}, "n\ntwelve\n"),
        ({"items": {"properties": {"n": {"pattern": "^A"}}}}, "n\n7\n"),
        ({"items": {"properties": {"n": {"format": "date"}}}}, "n\n2026-02-31\n"),
        ({"items": {"properties": {"amuont": OF_N}}}, "amount\n7\n"),
        ({"items": {"patternProperties": {"^amuont": OF_N}}}, "amount\n7\n"),
        ({"items": {"properties": {"n": OF_N}}}, "n,n\n1,7\n"),
        ({"$defs": {"row": {"properties": {"n": OF_N}}}, "items": {"$ref": "#/$defs/row"}}, "n\n1\n"),
    ],
)
def test_rows_meet_no_schema_by_being_something_else(schema: Any, csv: str) -> None:
    with pytest.raises(DotAnswerUnexpectedError):
        Expectation(schema).judge(answer(table(csv)))


@pytest.mark.parametrize(
    ("schema", "csv"),
    [
        ({"items": {"properties": {"n": OF_N}}}, "n\n12\n"),
        ({"items": {"properties": {"n": {"type": ["number", "null"], **OF_N}}}}, "n,m\n,1\n"),
        ({"items": {"properties": {"n": {"anyOf": [{"type": "number", **OF_N}, {"const": "n/a"}]}}}}, "n\nn/a\n"),
        ({"items": {"properties": {"n": {"format": "date"}}}}, "n\n2026-02-28\n"),
        ({"items": {"properties": {"n": OF_N, "remark": True}, "additionalProperties": False}}, "n\n7\n"),
        ({"definitions": {"row": {"properties": {"n": OF_N}}}, "items": {"$ref": "#/definitions/row"}}, "n\n7\n"),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "minItems": 1}, "n\n7\n"),
        ({"contains": {"properties": {"n": {"const": 7}}}, "maxContains": 1}, "n\n7\n8\n"),
    ],
)
def test_rows_that_meet_a_schema(schema: Any, csv: str) -> None:
    assert "rows" in Expectation(schema).judge(answer(table(csv)))


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"properties": {"n": {"maximun": 3}}}},
        {"items": {"properties": {"n": {"anyOf": [{"maximun": 3}]}}}},
        {"items": {"requierd": ["n"]}},
        {"$defs": {"row": {"requierd": ["n"]}}, "minItems": 1},
        {"allOf": [{"required": ["n"]}]},
        {"anyOf": [{"properties": {"n": {}}}, {"minItems": 1}]},
        {"$defs": {"row": {"required": ["n"]}}, "$ref": "#/$defs/row"},
        {"items": {"minItems": 1}},
        {"items": {"minimum": 1}},
        {"items": {"properties": {"n": {"required": ["n"]}}}},
        {"items": {"properties": {"n": {"type": "string", "minimum": 1}}}},
        {"items": {"properties": {"n": {"type": "number", "pattern": "1"}}}},
        {"items": {"type": "array"}},
        {"type": "object"},
        {"items": {"properties": {"n": {"exclusiveMaximum": True, "maximum": 5}}}},
        {"$schema": "http://json-schema.org/draft-04/schema#", "items": {"properties": {"n": {"maximum": 5}}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"required": ["n"]}]},
        {"items": [{"required": ["n"]}]},
        {"items": {"dependencies": {"n": ["m"]}}},
        {"additionalItems": False},
        {"items": {"then": {"required": ["n"]}}},
        {"items": {"if": {"required": ["n"]}}},
        {"minContains": 2},
        {"items": {"properties": {"n": {"format": "datum"}}}},
        {"items": {"properties": {"n": {"minimum": float("nan")}}}},
        {"items": {"properties": {"n": {"pattern": "("}}}},
        {"items": {"properties": {"n": {1: 2}}}},
        {1: 2},
        {"items": {"properties": {"n": {"format": ["date"]}}}},
        {"items": {"allOf": []}},
        {"allOf": [{"allOf": [{"type": "object"}]}]},
        {"items": {"propertyNames": {"minimum": 1}}},
    ],
)
def test_a_schema_that_says_nothing_somewhere_is_refused_before_anything_is_asked(schema: Any) -> None:
    with pytest.raises(DotUsageError):
        Expectation(schema)


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
