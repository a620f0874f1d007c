"""Ask and follow up: how a question gets its reply, and the form of Dot's messages."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from dot_provider.sandbox.answering import NoAnswer, answer
from dot_provider.sandbox.auth import BaseUrl, InEnvironment, InWorkspace, SignedIn
from dot_provider.sandbox.conversations import Conversation, InForm, Message, Turn, iso
from dot_provider.sandbox.results import Result

if TYPE_CHECKING:
    from dot_provider.sandbox.workspace import Workspace

router = APIRouter(prefix="/api")
newer = APIRouter(prefix="/api")

FAIL, CONFIRM, SLOW = "[fail]", "[confirm]", "[slow]"
ESTIMATED_CREDITS = 42
_AGREEMENTS = ("yes", "keep going", "go ahead", "confirm", "continue", "ok")
Mode = Literal["economy", "balanced", "frontier"] | None
_STEPS = ("Looking for the tables that matter.", "Writing and running SQL.", "success")


class NewQuestion(BaseModel):
    """The body of ``/agentic`` and ``/ask``."""

    messages: list[dict[str, Any]] = Field(min_length=1)
    chat_id: str = Field(min_length=1)
    mode: Mode = None
    scope: str = ""
    skip_check: bool = False


class FollowUp(BaseModel):
    """The body of ``/agentic_with_history`` and ``/ask_with_history``."""

    new_message: dict[str, Any]
    chat_id: str = Field(min_length=1)
    mode: Mode = None
    skip_check: bool = False


@dataclass(frozen=True)
class Asker:
    """Who asks, of which workspace and environment, by which endpoint and address of the sandbox."""

    workspace: Workspace
    author: str
    environment: str | None
    endpoint: str
    base_url: str

    async def ask(
        self, text: str, chat_id: str, mode: str | None, *, follows: bool = False, skip_check: bool = False
    ) -> Turn:
        """Put a question into its conversation, where ``/c2`` shows it from now on as running, and compute the reply.

        Args:
            text: the question.
            chat_id: new, or that of the conversation to go on with.
            mode: ``economy``, ``balanced`` or ``frontier``.
            follows: whether it is meant to continue a conversation; otherwise it counts as a post.
            skip_check: whether the credit guard is off.
        """
        settings, chats = self.workspace.settings, self.workspace.conversations
        chat = chats.setdefault(chat_id, Conversation(chat_id, self.author, environment=self.environment))
        chat.posts += not follows
        chat.mode = mode or chat.mode
        said = {"role": "assistant", "additional_data": {"question": text}}
        turn = Turn(
            question=text,
            endpoint=self.endpoint,
            asked_at=time.time(),
            ready_at=time.monotonic() + settings.answer_seconds + settings.slow_seconds * (SLOW in text.lower()),
            seen_at=time.monotonic() + settings.unseen_seconds,
            polls_left=settings.answer_polls,
            steps=[{**said, "content": step} for step in _STEPS] if self.endpoint.startswith("/agentic") else [],
        )
        earlier = list(chat.turns)
        chat.turns.append(turn)
        reply = await self._reply(turn, chat_id, earlier, skip_check)
        turn.replied_at = time.time() + max(0.0, turn.ready_at - time.monotonic())
        turn.reply = {**reply, "created_at": iso(turn.replied_at)}
        return turn

    async def shown(self, turn: Turn, chat_id: str) -> list[Message]:
        """Return the conversation as it is sent back; ``/agentic`` waits for an answer that takes time."""
        remaining = turn.ready_at - time.monotonic()
        holds = self.workspace.settings.hold_requests and self.endpoint.startswith("/agentic")
        if holds and turn.polls_left <= 0 and remaining > 0:
            await asyncio.sleep(remaining)
        return self.workspace.conversations[chat_id].messages

    async def _reply(self, turn: Turn, chat_id: str, earlier: list[Turn], skip_check: bool) -> Message:
        text, workspace = turn.question, self.workspace
        agrees = text.strip().lower().startswith(_AGREEMENTS)
        if earlier and earlier[-1].status == "needs confirmation" and agrees:
            text = earlier[-1].question
        elif CONFIRM in text.lower() and not skip_check:
            content = f"This may use about {ESTIMATED_CREDITS} credits. Keep going?"
            data = {"needs_confirmation": True, "estimated_credits": ESTIMATED_CREDITS}
            return {"role": "assistant", "content": content, "additional_data": data}
        if FAIL in text.lower():
            return _failed("The sandbox was asked to fail this question.")
        text = text.replace(CONFIRM, " ").replace(SLOW, " ")
        context = " ".join(turn.question for turn in reversed(earlier))
        schemas, settings = workspace.schemas(self.environment), workspace.settings
        sources = (workspace.answers, settings.duckdb, settings.seed, schemas)
        try:
            turn.result = result = await asyncio.to_thread(answer, text, context, *sources)
        except NoAnswer as error:
            return _failed(str(error))
        number = len(earlier) + 1
        workspace.tables_found[chat_id, f"df_{number}"] = result.table
        workspace.charts_found[_chart_secret(chat_id, number)] = result.chart
        return _answered(result, chat_id, self.base_url, number, settings.older)


async def _asker(
    request: Request, workspace: InWorkspace, account: SignedIn, environment: InEnvironment, base_url: BaseUrl
) -> Asker:
    return Asker(workspace, account.email, environment, request.url.path.removeprefix("/api"), base_url)


Asking = Annotated[Asker, Depends(_asker)]


@newer.post("/agentic")
@router.post("/ask")
async def first(asker: Asking, body: NewQuestion, form: InForm) -> JSONResponse:
    """Answer a question; what ``/ask`` returns may have no answer yet, which is then read from ``/c2``."""
    asked = [message for message in body.messages if message.get("role") == "user"]
    # The official command line tool follows up by posting one message with skip_check to a known chat.
    follows = body.chat_id in asker.workspace.conversations and (body.skip_check or len(asked) > 1)
    text = str((asked or body.messages)[-1].get("content") or "")
    turn = await asker.ask(text, body.chat_id, body.mode, follows=follows, skip_check=body.skip_check)
    return JSONResponse(form(await asker.shown(turn, body.chat_id)))


@newer.post("/agentic_with_history")
@router.post("/ask_with_history")
async def follow_up(asker: Asking, body: FollowUp, form: InForm) -> JSONResponse:
    """Answer the next question of a conversation."""
    if body.chat_id not in asker.workspace.conversations:
        raise HTTPException(404, "Chat not found")
    text = str(body.new_message.get("content") or "")
    turn = await asker.ask(text, body.chat_id, body.mode, follows=True, skip_check=body.skip_check)
    return JSONResponse(form(await asker.shown(turn, body.chat_id)))


def _answered(result: Result, chat_id: str, base_url: str, number: int, older: bool) -> Message:
    """Return the message that answers a question; an older Dot has nothing but the ``explanation``."""
    rows, columns = len(result.table.rows), result.table.columns
    api = f"{base_url}/api"
    table_key, chart_key = f"df_{number}", f"chart_{number}"
    assets = {
        table_key: {
            "sql_query": result.sql,
            "shape": [rows, len(columns)],
            "text_summary": f"{rows} {'row' if rows == 1 else 'rows'}: {', '.join(columns)}",
            "text_preview": result.table.preview(),
            "csv_download_url": f"{api}/download_csv?chat_id={chat_id}&df_key={table_key}",
        },
        chart_key: {
            "sql_query": result.sql,
            "interpretation": f"Bar chart of {result.chart.title}.",
            "text_preview": result.chart.title,
            "chart_download_url": f"{api}/asset/{_chart_secret(chat_id, number)}.png",
        },
    }
    parts = (("text", result.text), ("dataframe", table_key), ("chart", chart_key))
    data = {
        "dot_url": f"{base_url}/?c={chat_id}",
        "chat_id": chat_id,
        "formatted_result": [{"type": kind, "data": data} for kind, data in parts],
        "assets": assets,
        "credits_used": 1 + len(result.text) % 4,
    }
    return {
        "role": "assistant",
        "content": "success",
        "explanation": result.text,
        "additional_data": {name: data[name] for name in ("dot_url", "chat_id")} if older else data,
        "suggested_follow_ups": list(result.follow_ups),
    }


def _failed(error: str) -> Message:
    """Return the message of a question that Dot gave up on."""
    content = f"Something went wrong: {error}"
    return {"role": "assistant", "content": content, "status": "failed", "error": error, "additional_data": {}}


def _chart_secret(chat_id: str, number: int) -> str:
    """Return the unguessable part of a chart's address."""
    return hashlib.sha256(f"sandbox chart {chat_id} {number}".encode()).hexdigest()[:40]
