"""Ask, follow up, read a conversation, label it, download what it found."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, Field

from dot_provider.sandbox import asking, chart, replies
from dot_provider.sandbox.accounts import Account
from dot_provider.sandbox.asking import Question
from dot_provider.sandbox.auth import SignedIn
from dot_provider.sandbox.conversations import Message
from dot_provider.sandbox.routes.scope import InEnvironment
from dot_provider.sandbox.workspace import InWorkspace, Workspace

router = APIRouter(prefix="/api")
newer = APIRouter(prefix="/api")

ResponseFormat = Annotated[str | None, Header(alias="X-Response-Format")]


class NewQuestion(BaseModel):
    """The body of ``/agentic`` and ``/ask``."""

    messages: list[dict[str, Any]] = Field(min_length=1)
    chat_id: str = Field(min_length=1)
    mode: str | None = Field(default=None, pattern="^(economy|balanced|frontier)$")
    scope: str = ""
    skip_check: bool = False


class FollowUp(BaseModel):
    """The body of ``/agentic_with_history`` and ``/ask_with_history``."""

    new_message: dict[str, Any]
    chat_id: str = Field(min_length=1)
    mode: str | None = Field(default=None, pattern="^(economy|balanced|frontier)$")
    skip_check: bool = False


@dataclass(frozen=True)
class Asker:
    """Who asks, of which workspace and environment, and by which endpoint."""

    workspace: Workspace
    account: Account
    environment: str | None
    endpoint: str
    base_url: str

    def new_question(self, body: NewQuestion) -> Question:
        """Read the body of a first question."""
        asked = [message for message in body.messages if message.get("role") == "user"]
        # The official command line tool follows up by posting one message with skip_check to a known chat.
        continues = body.chat_id in self.workspace.conversations and (body.skip_check or len(asked) > 1)
        return self._question(body, asked[-1] if asked else body.messages[-1], continues)

    def follow_up(self, body: FollowUp) -> Question:
        """Read the body of a question in a chat that must exist."""
        if body.chat_id not in self.workspace.conversations:
            raise HTTPException(404, "Chat not found")
        return self._question(body, body.new_message, follow_up=True)

    def _question(self, body: NewQuestion | FollowUp, message: Message, follow_up: bool) -> Question:
        return Question(
            text=_text_of(message),
            chat_id=body.chat_id,
            endpoint=self.endpoint,
            author=self.account.email,
            base_url=self.base_url,
            follow_up=follow_up,
            skip_check=body.skip_check,
            mode=body.mode,
            environment=self.environment,
        )


async def _asker(request: Request, workspace: InWorkspace, account: SignedIn, environment: InEnvironment) -> Asker:
    return Asker(workspace, account, environment, request.url.path.removeprefix("/api"), _base_url(request))


Asking = Annotated[Asker, Depends(_asker)]


@newer.post("/agentic")
async def agentic(asker: Asking, body: NewQuestion, x_response_format: ResponseFormat = None) -> JSONResponse:
    """Answer a question, in the same request unless the sandbox is told to take longer."""
    return _shown(await _ask(asker.workspace, asker.new_question(body), hold=True), x_response_format)


@newer.post("/agentic_with_history")
async def agentic_with_history(asker: Asking, body: FollowUp, x_response_format: ResponseFormat = None) -> JSONResponse:
    """Answer the next question of a conversation."""
    return _shown(await _ask(asker.workspace, asker.follow_up(body), hold=True), x_response_format)


@router.post("/ask")
async def ask(asker: Asking, body: NewQuestion) -> JSONResponse:
    """Take a question; an answer that takes time is read from ``/c2`` later."""
    return _shown(await _ask(asker.workspace, asker.new_question(body), hold=False), None)


@router.post("/ask_with_history")
async def ask_with_history(asker: Asking, body: FollowUp) -> JSONResponse:
    """Take the next question of a conversation."""
    return _shown(await _ask(asker.workspace, asker.follow_up(body), hold=False), None)


@router.get("/c2/{chat_id}")
async def read_conversation(
    workspace: InWorkspace, _: SignedIn, chat_id: str, x_response_format: ResponseFormat = None
) -> JSONResponse:
    """Show a conversation as far as it has come."""
    conversation = workspace.conversations.get(chat_id)
    messages = conversation.read() if conversation is not None else None
    title = conversation.title if conversation is not None else ""
    if conversation is None:
        number = workspace.past.number_of(chat_id)
        if number is not None:
            record = workspace.past.record(number)
            messages, title = record["messages"], record["title"]
    if messages is None:
        raise HTTPException(404, "Chat not found")
    return JSONResponse({"chat_id": chat_id, "title": title, "messages": _form(messages, x_response_format)})


@router.post("/add_label_to_chat")
async def add_label_to_chat(
    workspace: InWorkspace, _: SignedIn, chat_id: Annotated[str, Body()], labels: Annotated[list[str], Body()]
) -> dict[str, Any]:
    """Add labels to a chat; a label it has already is not added again."""
    conversation = workspace.conversations.get(chat_id)
    number = workspace.past.number_of(chat_id) if conversation is None else None
    if conversation is not None:
        conversation.labels += [label for label in dict.fromkeys(labels) if label not in conversation.labels]
        return {"chat_id": chat_id, "labels": conversation.labels}
    if number is None:
        raise HTTPException(404, "Chat not found")
    return {"chat_id": chat_id, "labels": workspace.past.add_labels(number, labels)}


@router.get("/download_csv")
async def download_csv(workspace: InWorkspace, _: SignedIn, chat_id: str, df_key: str) -> PlainTextResponse:
    """Give the table behind an answer as CSV."""
    table = workspace.tables_found.get((chat_id, df_key))
    if table is None:
        raise HTTPException(404, "No such table in this chat")
    headers = {"Content-Disposition": f'attachment; filename="{df_key}.csv"'}
    return PlainTextResponse(table.csv(), media_type="text/csv", headers=headers)


@router.get("/asset/{name}")
async def chart_image(workspace: InWorkspace, name: str) -> Response:
    """Give a chart as PNG; its address is the secret, so no token is asked for."""
    found = workspace.charts_found.get(name.removesuffix(".png"))
    if found is None:
        raise HTTPException(404, "Asset not found")
    return Response(chart.draw(found), media_type="image/png")


async def _ask(workspace: Workspace, question: Question, hold: bool) -> list[Message]:
    conversation, turn = asking.accept(workspace, question)
    await asking.work(workspace, question, conversation, turn)
    remaining = turn.ready_at - time.monotonic()
    if hold and workspace.settings.hold_requests and turn.polls_left <= 0 and remaining > 0:
        await asyncio.sleep(remaining)
    return conversation.messages


def _text_of(message: Message) -> str:
    return str(message.get("content") or "")


def _base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _shown(messages: list[Message], response_format: str | None) -> JSONResponse:
    return JSONResponse(_form(messages, response_format))


def _form(messages: list[Message], response_format: str | None) -> list[Message]:
    return messages if response_format == "cli" else [replies.without_downloads(m) for m in messages]
