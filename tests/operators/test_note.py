"""Keeping a note from a DAG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.exceptions import AirflowFailException

from dot_provider.api import DotClient
from dot_provider.api.errors import DotUsageError
from dot_provider.api.notes import notes
from dot_provider.operators import DotUpsertNoteOperator


def test_creates_then_updates_then_leaves_alone(sandbox: Any, run_task: Any) -> None:
    sandbox()
    outcomes = [
        run_task(DotUpsertNoteOperator, title="Glossary", markdown=text).xcom("task")["outcome"]
        for text in ("a = 1", "a = 2", "a = 2")
    ]
    assert outcomes == ["created", "updated", "unchanged"]


def test_html_becomes_markdown(sandbox: Any, run_task: Any) -> None:
    dot = sandbox()
    run_task(DotUpsertNoteOperator, title="Wiki", html="<h2>Revenue</h2><script>x()</script><p>net</p>")
    with DotClient(dot.token, dot.base_url) as client:
        found = {note.title: note.markdown for note in client.send(notes())}
    assert found["Wiki"] == "## Revenue\n\nnet"


@pytest.mark.parametrize("texts", [{}, {"markdown": "a", "html": "<p>a</p>"}])
def test_one_text_is_asked_for_when_the_dag_is_parsed(texts: Any) -> None:
    with pytest.raises(DotUsageError, match="exactly one of markdown and html"):
        DotUpsertNoteOperator(task_id="t", title="Glossary", **texts)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"title": "", "markdown": "a"}, "title is empty"),
        ({"title": "Glossary", "markdown": " "}, "markdown is empty"),
        ({"title": "Glossary", "html": "<p></p>"}, "holds no text"),
        ({"title": "Glossary", "markdown": 7}, "markdown must be text"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(sandbox: Any, arguments: Any, words: str) -> None:
    dot = sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotUpsertNoteOperator(task_id="t", **arguments).execute({})
    assert dot.requests == []


def test_the_text_comes_from_a_file_or_dbts_docs_and_goes_into_a_block(
    sandbox: Any, run_task: Any, shop_copy: Any, tmp_path: Path
) -> None:
    dot = sandbox()
    (tmp_path / "glossary.md").write_text("Net of returns.")
    (shop_copy.project_dir / "models" / "docs.md").write_text("{% docs revenue %}\nNet.\n{% enddocs %}")
    assert shop_copy.dbt("parse").returncode == 0
    run_task(DotUpsertNoteOperator, title="Guide", markdown_file=tmp_path / "glossary.md")
    docs = {"dbt_doc": "doc.shop.revenue", "dbt_manifest": shop_copy.target_path}
    run_task(DotUpsertNoteOperator, title="Guide", block="revenue", **docs)
    with DotClient(dot.token, dot.base_url) as client:
        assert client.notes()[0].markdown == 'Net of returns.\n\n<faq name="revenue">\n\nNet.\n\n</faq>'


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"markdown_file": "/no/file.md"}, "markdown_file '/no/file.md' cannot be read"),
        ({"markdown": "x", "block": 'a"b'}, "cannot hold quotes"),
    ],
)
def test_a_source_that_is_not_there_is_named(sandbox: Any, arguments: Any, words: str) -> None:
    sandbox()
    with pytest.raises(AirflowFailException, match=words):
        DotUpsertNoteOperator(task_id="t", title="Guide", **arguments).execute({})


def test_a_docs_block_that_is_not_there_is_named_with_those_that_are(sandbox: Any, shop: Any) -> None:
    dot = sandbox()
    task = DotUpsertNoteOperator(task_id="t", title="G", dbt_doc="doc.shop.nothing", dbt_manifest=shop.target_path)
    with pytest.raises(AirflowFailException, match=r"no docs block 'doc\.shop\.nothing'; it has doc\.dbt"):
        task.execute({})
    assert dot.requests == []
