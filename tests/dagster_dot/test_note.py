from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest

from dagster_dot import build_dot_note_asset
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run

Materialize = Callable[..., Run]


def notes(sandbox: Sandbox) -> dict[str, str]:
    return {note["title"]: note["note"] for note in sandbox.workspace.production.notes.values()}


def test_the_note_is_created_then_left_alone_then_replaced(materialize: Materialize, sandbox: Sandbox) -> None:
    outcomes = []
    for text in ("Net of returns.", "Net of returns.", "Gross."):
        made = build_dot_note_asset(title="Revenue", markdown=text)
        outcomes.append(materialize(made).metadata("dot/revenue")["outcome"])
    assert outcomes == ["created", "unchanged", "updated"]
    assert notes(sandbox)["Revenue"] == "Gross."


def test_a_function_writes_the_note_when_the_step_runs(materialize: Materialize, sandbox: Sandbox) -> None:
    def markdown(context: dg.AssetExecutionContext) -> str:
        return f"Written by {context.job_name}."

    run = materialize(build_dot_note_asset(title="Revenue", markdown=markdown))
    assert notes(sandbox)["Revenue"] == run.metadata("dot/revenue")["note"]


@pytest.mark.parametrize(("title", "markdown"), [("", "text"), ("title", " ")])
def test_an_empty_note_is_refused_when_the_code_loads(title: str, markdown: str) -> None:
    with pytest.raises(DotUsageError, match="is empty"):
        build_dot_note_asset(title=title, markdown=markdown)


def test_a_wiki_page_is_written_as_markdown(materialize: Materialize, sandbox: Sandbox) -> None:
    materialize(build_dot_note_asset(title="Revenue", html="<h1>Revenue</h1><script>x()</script><p>Net.</p>"))
    assert notes(sandbox)["Revenue"].splitlines() == ["# Revenue", "", "Net."]


@pytest.mark.parametrize("texts", [{}, {"markdown": "a", "html": "b"}])
def test_a_note_has_one_text(texts: dict[str, str]) -> None:
    with pytest.raises(DotUsageError, match="exactly one of markdown and html"):
        build_dot_note_asset(title="Revenue", **texts)
