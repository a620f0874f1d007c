"""Conversations: how far the answer to the last question has come; read, label, download what was found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from dot_provider.sandbox.auth import InWorkspace, SignedIn
from dot_provider.sandbox.results import Result, draw

router = APIRouter(prefix="/api")

_CLI_ONLY = ("text_preview", "csv_download_url", "chart_download_url")
Message = dict[str, Any]


def iso(seconds: float) -> str:
    """Format seconds since 1970 as an ISO time in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


@dataclass(eq=False)
class Turn:
    """One question and its reply.

    Attributes:
        question: as it was asked.
        endpoint: the path it was posted to, for example ``/agentic``.
        asked_at: seconds since 1970.
        ready_at: when the reply may be shown, on the monotonic clock.
        seen_at: when ``/c2`` begins to show it, on the monotonic clock.
        polls_left: how many more reads of ``/c2`` show it as running.
        steps: the intermediate assistant messages.
        reply: the final assistant message; None while it is being computed.
        result: what the reply says; None where it is a failure or asks back.
    """

    question: str
    endpoint: str
    asked_at: float
    ready_at: float
    polls_left: int
    steps: list[Message]
    reply: Message | None = None
    result: Result | None = None
    replied_at: float = 0.0
    reads: int = 0
    seen_at: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether the reply can be seen."""
        return self.reply is not None and self.polls_left <= 0 and time.monotonic() >= self.ready_at

    @property
    def messages(self) -> list[Message]:
        """The question, and what has been said to it so far."""
        asked = {"role": "user", "content": self.question, "created_at": iso(self.asked_at)}
        if not self.finished or self.reply is None:
            return [asked, *self.steps[: self.reads]]
        return [asked, *self.steps, self.reply]

    @property
    def status(self) -> str:
        """``running``, ``answered``, ``failed`` or ``needs confirmation``."""
        if not self.finished or self.reply is None:
            return "running"
        if self.reply.get("status") == "failed":
            return "failed"
        waiting = self.reply.get("additional_data", {}).get("needs_confirmation")
        return "needs confirmation" if waiting else "answered"


@dataclass
class Conversation:
    """A conversation that was asked of this sandbox.

    Attributes:
        chat_id: chosen by the caller.
        author: email of the account that asked.
        posts: how often a first question was posted to this chat id; more than 1 means that the
            same work was paid for again.
        labels: in the order they were added.
        environment: the environment it was asked in; None means production.
        mode: the last ``mode`` that was asked for.
    """

    chat_id: str
    author: str
    posts: int = 0
    labels: list[str] = field(default_factory=list)
    environment: str | None = None
    mode: str | None = None
    turns: list[Turn] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """How many of the posts were one too many."""
        return max(0, self.posts - 1)

    @property
    def messages(self) -> list[Message]:
        """What ``/c2`` would show now; looking does not count as a read."""
        return [message for turn in self.turns for message in turn.messages]

    @property
    def title(self) -> str:
        """The first question."""
        return self.turns[0].question[:80] if self.turns else ""

    @property
    def status(self) -> str:
        """The status of the last question."""
        return self.turns[-1].status

    def read(self) -> list[Message] | None:
        """Read it as ``/c2`` does, which counts: None while it cannot be seen yet."""
        shown = [turn for turn in self.turns if time.monotonic() >= turn.seen_at]
        if not shown:
            return None
        messages = [message for turn in shown for message in turn.messages]
        turn = shown[-1]
        turn.reads += 1
        turn.polls_left -= 1
        return messages


async def _form(x_response_format: Annotated[str | None, Header()] = None) -> Callable[[list[Message]], list[Message]]:
    """Return what leaves out of messages what Dot only adds for its command line tool."""
    return list if x_response_format == "cli" else lambda messages: [_without_downloads(m) for m in messages]


InForm = Annotated[Callable[[list[Message]], list[Message]], Depends(_form)]


@router.get("/c2/{chat_id}")
async def read_conversation(workspace: InWorkspace, _: SignedIn, chat_id: str, form: InForm) -> JSONResponse:
    """Show a conversation as far as it has come."""
    conversation, past = workspace.conversations.get(chat_id), workspace.past.record_of(chat_id)
    if conversation is not None:
        past = {"title": conversation.title, "messages": conversation.read()}
    if past is None or past["messages"] is None:
        raise HTTPException(404, "Chat not found")
    return JSONResponse({"chat_id": chat_id, "title": past["title"], "messages": form(past["messages"])})


@router.post("/add_label_to_chat")
async def add_label_to_chat(
    workspace: InWorkspace, _: SignedIn, chat_id: Annotated[str, Body()], labels: Annotated[list[str], Body()]
) -> dict[str, Any]:
    """Add labels to a chat; a label it has already is not added again."""
    conversation = workspace.conversations.get(chat_id)
    if conversation is not None:
        conversation.labels = list(dict.fromkeys([*conversation.labels, *labels]))
        return {"chat_id": chat_id, "labels": conversation.labels}
    if workspace.past.record_of(chat_id) is None:
        raise HTTPException(404, "Chat not found")
    return {"chat_id": chat_id, "labels": workspace.past.add_labels(chat_id, labels)}


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
    return Response(draw(found), media_type="image/png")


def _without_downloads(message: Message) -> Message:
    data = message.get("additional_data", {})
    if "assets" not in data:
        return message
    assets = {
        key: {name: value for name, value in asset.items() if name not in _CLI_ONLY}
        for key, asset in data["assets"].items()
    }
    return {**message, "additional_data": {**data, "assets": assets}}
