"""The page that a person reads: what was synced, asked, imported and reported."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from importlib import resources
from urllib.parse import quote

from dot_provider.sandbox.conversations import Conversation
from dot_provider.sandbox.workspace import Workspace

_MOST_ROWS = 20
_TONES = {
    "answered": "good",
    "pass": "good",
    "resolved": "good",
    "running": "busy",
    "pending": "busy",
    "needs confirmation": "busy",
    "failed": "bad",
    "fail": "bad",
    "error": "bad",
    "open": "bad",
}


def overview_page(workspace: Workspace, base_url: str) -> str:
    """Return the start page as HTML without outside resources."""
    sections = (
        _section("Questions", ("Question", "Status", "Asked by", "Posts", "Labels"), _questions(workspace)),
        _section("Syncs", ("Connection", "Type", "By", "At"), _syncs(workspace)),
        _section("External assets", ("Asset", "Id", "Type", "Folder"), _assets(workspace)),
        _section("Incidents", ("Table", "Check", "Status", "Source", "Message"), _incidents(workspace)),
        _section("dbt runs", ("Last run", "Reports", "Results"), _dbt(workspace)),
        _section("Evaluation runs", ("Run", "Evaluation", "Verdict"), _evaluations(workspace)),
        _section("Notes", ("Title", "Length"), _notes(workspace)),
        _section("Environments", ("Name", "Id", "Status"), _environments(workspace)),
        _section("Last requests", ("At", "Method", "Path", "Status"), _requests(workspace)),
    )
    return document("Dot sandbox", _intro(workspace, base_url) + _tiles(workspace) + "".join(sections))


def document(title: str, body: str) -> str:
    """Wrap a page's body into a document with the sandbox's style."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title><style>{style}</style></head><body><main>{body}</main></body></html>"
    )


def status_mark(status: str) -> str:
    """Return a status as a coloured mark."""
    return f'<span class="mark {_TONES.get(status, "")}">{html.escape(status)}</span>'


def _intro(workspace: Workspace, base_url: str) -> str:
    answers = "from the DuckDB file" if workspace.settings.duckdb else "invented, the same each time"
    kind = " An <strong>older</strong> Dot, without /agentic." if workspace.settings.older else ""
    return (
        "<header><h1><span></span>Dot sandbox</h1>"
        f"<p>A local Dot for trying things without spending credits. Answers are {answers}.{kind}</p>"
        f"<pre>export DOT_BASE_URL={html.escape(base_url)}\nexport DOT_API_TOKEN=…</pre></header>"
    )


def _tiles(workspace: Workspace) -> str:
    tiles = (
        ("questions", sum(len(c.turns) for c in workspace.conversations.values())),
        ("past conversations", len(workspace.past)),
        ("syncs", len(workspace.syncs)),
        ("external assets", len(workspace.production.assets)),
        ("open incidents", len(workspace.incidents.open)),
        ("requests", workspace.recorder.total),
    )
    return '<div class="tiles">' + "".join(f"<div><b>{n:,}</b>{name}</div>" for name, n in tiles) + "</div>"


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return one table; cells are HTML already. The newest rows come first."""
    newest = list(rows)[::-1]
    if not newest:
        return f'<section class="empty"><h2>{title}</h2><p>nothing yet</p></section>'
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in newest[:_MOST_ROWS])
    more = f"<p>and {len(newest) - _MOST_ROWS:,} more</p>" if len(newest) > _MOST_ROWS else ""
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return f"<section><h2>{title}</h2>{table}{more}</section>"


def _questions(workspace: Workspace) -> Iterable[Sequence[str]]:
    for conversation in workspace.conversations.values():
        posts = str(conversation.posts)
        if conversation.duplicates:
            posts = f'<span class="mark bad">{posts}, {conversation.duplicates} too many</span>'
        yield (
            _link(conversation),
            status_mark(conversation.status),
            html.escape(conversation.author),
            posts,
            html.escape(", ".join(conversation.labels)),
        )


def _link(conversation: Conversation) -> str:
    turns = len(conversation.turns)
    more = f" <small>+ {turns - 1} more</small>" if turns > 1 else ""
    return f'<a href="/?c={quote(conversation.chat_id, safe="")}">{html.escape(conversation.title)}</a>{more}'


def _syncs(workspace: Workspace) -> Iterable[Sequence[str]]:
    for sync in workspace.syncs:
        yield _escaped(sync.connection_id, sync.connection_type, sync.author, _clock(sync.time))


def _assets(workspace: Workspace) -> Iterable[Sequence[str]]:
    for asset in workspace.production.assets.values():
        name = html.escape(asset.get("name") or asset["id"])
        url = asset.get("url") or ""
        if url.startswith(("https://", "http://")):
            name = f'<a href="{html.escape(url)}" rel="noreferrer">{name}</a>'
        yield name, *_escaped(asset["id"], asset["subtype"], asset.get("folder") or "")


def _incidents(workspace: Workspace) -> Iterable[Sequence[str]]:
    for incident in workspace.incidents.all:
        table, check, source, message = _escaped(incident.table, incident.check, incident.source, incident.message)
        yield table, check, status_mark(incident.status), source, message


def _dbt(workspace: Workspace) -> Iterable[Sequence[str]]:
    if workspace.dbt.count:
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(workspace.dbt.statuses.items()))
        yield _escaped(workspace.dbt.invocation_id or "", str(workspace.dbt.count), statuses)


def _evaluations(workspace: Workspace) -> Iterable[Sequence[str]]:
    for run in workspace.evaluation_runs.values():
        yield *_escaped(run.id, run.evaluation_id), status_mark(run.verdict)


def _notes(workspace: Workspace) -> Iterable[Sequence[str]]:
    if workspace.production.org_note:
        yield "The organization's note", f"{len(workspace.production.org_note):,} characters"
    for note in workspace.production.notes.values():
        yield html.escape(note["title"]), f"{len(note['note']):,} characters"


def _environments(workspace: Workspace) -> Iterable[Sequence[str]]:
    for environment in workspace.environments.values():
        yield _escaped(environment.name, environment.id, environment.status)


def _requests(workspace: Workspace) -> Iterable[Sequence[str]]:
    for request in workspace.recorder.requests[-_MOST_ROWS:]:
        status = "no response" if request.status is None else str(request.status)
        tone = "bad" if request.status is None or request.status >= 400 else "good"
        mark = f'<span class="mark {tone}">{status}</span>'
        yield *_escaped(_clock(request.time), request.method, request.path), mark


def _escaped(*texts: str) -> tuple[str, ...]:
    return tuple(html.escape(text) for text in texts)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%H:%M:%S UTC")
