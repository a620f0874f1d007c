"""The pages that a person reads: the overview, and a conversation or evaluation run that answers and runs link to."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import jinja2
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markupsafe import Markup

from dot_provider.sandbox.auth import BaseUrl, InWorkspace
from dot_provider.sandbox.workspace import Workspace

router = APIRouter()

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")

_TONES = {
    "good": ("answered", "pass", "resolved"),
    "busy": ("running", "pending", "needs confirmation"),
    "bad": ("failed", "fail", "error", "open", "cancelled"),
}


@router.get("/")
async def page(workspace: InWorkspace, base_url: BaseUrl, c: str | None = None, run: str | None = None) -> HTMLResponse:
    """Show what happened in the sandbox, one conversation (``?c=``) or one evaluation run (``?run=``)."""
    if run is not None:
        found = workspace.evaluation_runs.get(run)
        return _missing(f"evaluation run {run}") if found is None else _html("run", run=found)
    if c is not None:
        chat = workspace.conversations.get(c) or workspace.past.record_of(c)
        return _missing(f"chat {c}") if chat is None else _html("conversation", chat=chat)
    return _html("overview", workspace=workspace, base_url=base_url, **_overview(workspace))


def _html(template: str, status: int = 200, **variables: Any) -> HTMLResponse:
    return HTMLResponse(_PAGES.get_template(f"{template}.html").render(variables), status)


def _missing(name: str) -> HTMLResponse:
    return _html("base", 404, name=f"There is no {name} here.")


def _overview(workspace: Workspace) -> dict[str, Any]:
    settings, production = workspace.settings, workspace.production
    whole = [{"title": "The organization's note", "note": production.org_note}] if production.org_note else []
    return {
        "answers_from": "from the DuckDB file" if settings.duckdb else "from the answers file, or are made up",
        "notes": [*whole, *production.notes.values()],
        "tiles": (
            ("questions", sum(len(c.turns) for c in workspace.conversations.values())),
            ("past conversations", len(workspace.past)),
            ("syncs", len(workspace.syncs)),
            ("external assets", len(production.assets)),
            ("open incidents", len(workspace.incidents.open)),
            ("requests", workspace.recorder.total),
        ),
    }


def _mark(status: str) -> Markup:
    tone = next((tone for tone, words in _TONES.items() if status in words), "")
    return Markup('<span class="mark {}">{}</span>').format(tone, status)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%H:%M:%S UTC")


def markdown(text: str) -> Markup:
    """Render markdown as HTML; HTML in it is shown as written, and of pictures their text."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - escaped by the renderer


_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader(__name__, ""), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_PAGES.filters |= {"mark": _mark, "clock": _clock, "markdown": markdown, "path": lambda url: urlsplit(url).path}
