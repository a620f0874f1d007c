"""The pages for people: the overview, and ``/?c=<chat id>`` that answers link to."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dot_provider.sandbox.conversation_page import conversation_page, missing_page
from dot_provider.sandbox.page import overview_page
from dot_provider.sandbox.workspace import InWorkspace

router = APIRouter()


@router.get("/")
async def start(request: Request, workspace: InWorkspace, c: str | None = None) -> HTMLResponse:
    """Show what happened in the sandbox, or one conversation."""
    if c is None:
        return HTMLResponse(overview_page(workspace, str(request.base_url).rstrip("/")))
    conversation = workspace.conversations.get(c)
    if conversation is not None:
        return HTMLResponse(conversation_page(conversation.title, conversation.messages))
    number = workspace.past.number_of(c)
    if number is not None:
        record = workspace.past.record(number)
        return HTMLResponse(conversation_page(record["title"], record["messages"]))
    return HTMLResponse(missing_page(c), 404)
