from __future__ import annotations

import pytest

from dot_provider.sandbox import invented


def test_wording_that_means_the_same_gets_the_same_answer() -> None:
    assert invented.answer("Orders by region?", "", 0) == invented.answer("orders  BY region", "", 0)


@pytest.mark.parametrize(("question", "context", "seed"), [("x y", "", 0), ("x", "before", 0), ("x", "", 1)])
def test_question_context_and_seed_all_matter(question: str, context: str, seed: int) -> None:
    assert invented.answer(question, context, seed).table.rows != invented.answer("x", "", 0).table.rows


def test_the_words_of_the_question_are_answered() -> None:
    found = invented.answer("How many customers per channel?", "", 0)
    assert found.table.columns == ("channel", "customers")
    assert found.chart.title == "customers by channel"
    assert "customers" in found.sql


def test_the_total_is_the_sum_of_the_rows() -> None:
    found = invented.answer("Revenue by region", "", 0)
    assert f"**{sum(value for _, value in found.table.rows):,}**" in found.text


def test_it_says_that_it_is_invented() -> None:
    assert "Invented by the sandbox" in invented.answer("anything", "", 0).text
