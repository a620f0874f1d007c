from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.answer import Answer, AnswerChart, AnswerFile, AnswerTable, read_answer
from dot_provider.api.conversations import Conversation, QuestionState
from tests.api.test_records import JSON

URL = "https://app.getdot.ai/?c=c"
ASKED = {"role": "user", "content": "How many orders?"}


def answer(message: dict[str, Any], complete: bool = False) -> Answer | None:
    return read_answer(Conversation.from_document([ASKED, message], "c", complete=complete), 0, URL)


def read(message: dict[str, Any], complete: bool = False) -> Answer:
    found = answer(message, complete)
    assert found is not None
    return found


def message(*parts: Any, assets: Any = None, **additional: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": "success",
        "additional_data": {"formatted_result": list(parts), "assets": assets, **additional},
    }


FULL = message(
    {"type": "text", "data": "**7** orders."},
    {"type": "chart", "data": "chart_1"},
    {"type": "dataframe", "data": "df_2"},
    {"type": "file", "data": "report"},
    {"type": "text", "data": "Down from 9."},
    {"type": "dataframe", "data": "df_1"},
    assets={
        "df_1": {
            "sql_query": "select 1",
            "text_preview": "n\n7",
            "text_summary": "1 row",
            "shape": [1, 1],
            "csv_download_url": "/api/download_csv?chat_id=c&df_key=df_1",
        },
        "df_2": {"sql_query": "select 2", "shape": [2, 3]},
        "chart_1": {
            "interpretation": "falling",
            "chart_download_url": "/api/asset/secret.png",
            "sql_query": "select 1",
        },
        "report": {"path": "report.pdf", "download_url": "/api/file/secret"},
    },
    dot_url="https://app.getdot.ai/chat/c",
    credits_used=3,
)


def test_a_full_answer_is_read_in_the_order_it_is_shown() -> None:
    found = read({**FULL, "suggested_follow_ups": ["Why?", {"not": "text"}]})
    assert found == Answer(
        text="**7** orders.\n\nDown from 9.",
        chat_id="c",
        url="https://app.getdot.ai/chat/c",
        question="How many orders?",
        tables=(
            AnswerTable("df_2", "select 2", shape=(2, 3)),
            AnswerTable("df_1", "select 1", "n\n7", "1 row", (1, 1), "/api/download_csv?chat_id=c&df_key=df_1"),
        ),
        charts=(AnswerChart("chart_1", "falling", "/api/asset/secret.png"),),
        files=(AnswerFile("report", "report.pdf", "/api/file/secret"),),
        sql="select 1\n\nselect 2",
        suggested_follow_ups=("Why?",),
        credits=3.0,
    )
    assert found.raw["content"] == "success"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (message({"type": "text", "data": "seven"}), "seven"),
        ({**message({"type": "chart", "data": "x"}), "content": "seven"}, "seven"),
        ({**message({"type": "chart", "data": "x"}), "explanation": "seven"}, "seven"),
        ({**message({"type": "text", "data": ""}), "content": " success\n", "explanation": "seven"}, "seven"),
        ({"role": "assistant", "explanation": "seven"}, "seven"),
        ({"role": "assistant", "content": "seven", "explanation": "why"}, "seven"),
        ({**message("no part", None, {"type": "text"}), "content": ""}, ""),
        ({"additional_data": {"formatted_result": {"type": "text", "data": "x"}}, "content": "seven"}, "seven"),
        ({"additional_data": {"formatted_result": 7}, "content": "seven"}, "seven"),
    ],
)
def test_the_text_is_found_in_documented_and_older_shapes(found: dict[str, Any], text: str) -> None:
    assert read(found).text == text


def test_content_alone_is_read_where_it_is_the_final_word() -> None:
    assert read({"role": "assistant", "content": "seven"}, complete=True).text == "seven"
    assert answer({"role": "assistant", "content": "seven"}) is None


@pytest.mark.parametrize(
    ("asset", "kind"),
    [
        ({"chart_download_url": "/x"}, "charts"),
        ({"csv_download_url": "/x"}, "tables"),
        ({"text_preview": "n"}, "tables"),
        ({"sql_query": "select 1"}, "tables"),
        ({"download_url": "/x"}, "files"),
        ({}, None),
        ("text", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("part", [{"type": "text", "data": "a"}, {"type": "newer", "data": "a"}])
def test_an_asset_shown_in_no_known_way_is_recognized_by_what_it_holds(asset: Any, kind: str | None, part: Any) -> None:
    found = read(message(part, assets={"a": asset}))
    kinds = [name for name in ("tables", "charts", "files") if getattr(found, name)]
    assert kinds == ([kind] if kind else [])


@pytest.mark.parametrize("shape", [None, "2x3", [2], [2, 3, 4], [2, None], {"rows": 2}])
def test_a_shape_that_is_none_is_left_out(shape: Any) -> None:
    (table,) = read(message({"type": "dataframe", "data": "a"}, assets={"a": {"shape": shape}})).tables
    assert table.shape is None


@pytest.mark.parametrize("link", ["javascript:alert(1)", "/?c=c", "", None, 7, "data:text/html,x"])
def test_a_link_that_is_no_web_address_is_replaced_by_ours(link: Any) -> None:
    """It is put behind a button in Airflow's and Dagster's pages."""
    assert read(message({"type": "text", "data": "x"}, dot_url=link)).url == URL


@pytest.mark.parametrize(("cost", "credits_used"), [(3, 3.0), (0.5, 0.5), (None, None), ("3", None), (True, None)])
def test_credits_are_known_only_as_a_number(cost: Any, credits_used: float | None) -> None:
    assert read(message({"type": "text", "data": "x"}, credits_used=cost)).credits == credits_used


def test_a_record_is_json_that_any_database_stores_and_holds_no_download_link() -> None:
    found = read({**FULL, "suggested_follow_ups": ["a\x00b\ud83d"]})
    text = json.dumps(found.to_record(), ensure_ascii=False)
    text.encode()
    assert "secret" not in text + repr(found)
    assert "download_csv" not in text
    assert found.to_record()["suggested_follow_ups"] == ["a�b�"]
    table = found.to_record()["tables"][0]
    assert (table["key"], table["preview"], table["shape"]) == ("df_2", "", [2, 3])


def test_an_answer_without_a_shape_has_a_record_without_it() -> None:
    found = read(message({"type": "dataframe", "data": "a"}, assets={"a": {}}))
    assert found.to_record()["tables"][0]["shape"] is None


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["assistant", "system", None, 7]),
            "content": JSON,
            "explanation": JSON,
            "status": JSON,
            "error": JSON,
            "suggested_follow_ups": JSON,
            "additional_data": JSON
            | st.fixed_dictionaries(
                {},
                optional={
                    "formatted_result": JSON
                    | st.lists(st.fixed_dictionaries({"type": st.sampled_from(["text", "chart", "x"]), "data": JSON})),
                    "assets": JSON | st.dictionaries(st.text(max_size=3), st.dictionaries(st.just("shape"), JSON)),
                    "dot_url": JSON,
                    "credits_used": JSON,
                },
            ),
        },
    ),
    st.booleans(),
)
def test_no_shape_of_a_message_breaks_the_reading(found: dict[str, Any], complete: bool) -> None:
    conversation = Conversation.from_document([ASKED, found], "c", complete=complete)
    state = conversation.state_of(0)
    read_back = read_answer(conversation, 0, URL)
    if state is QuestionState.ANSWERED:
        assert read_back is not None
        json.dumps(read_back.to_record(), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("preview", "columns", "rows"),
    [
        ("a,b\n1,2\n3", ["a", "b"], [["1", "2"], ["3", ""]]),
        ("a\n1,2", ["a"], [["1,2"]]),
        ("region         orders\nAsia            6,797", ["region", "orders"], [["Asia", "6,797"]]),
        ("a  b\n1", [], []),
        ("", [], []),
    ],
)
def test_a_preview_is_rows_whichever_form_it_has(preview: str, columns: list[str], rows: list[list[str]]) -> None:
    table = AnswerTable("df_1", preview=preview)
    assert (table.columns, table.rows) == (columns, rows)


@pytest.mark.parametrize(
    ("preview", "columns", "rows"),
    [
        ("orders\n8,530\n", ["orders"], [["8,530"]]),
        ("region,orders\nAsia,8,530\n", [], []),
        ('region,orders\nAsia,"8,530"\n', ["region", "orders"], [["Asia", "8,530"]]),
        ("region  orders\nAsia     8,530\n", ["region", "orders"], [["Asia", "8,530"]]),
    ],
)
def test_no_value_is_torn_at_its_comma(preview: str, columns: list[str], rows: list[list[str]]) -> None:
    table = AnswerTable("df", preview=preview)
    assert (table.columns, table.rows) == (columns, rows)
