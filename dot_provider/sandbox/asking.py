"""How the sandbox works on a question, from accepting it to its reply."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dot_provider.sandbox import replies
from dot_provider.sandbox.answering import NoAnswer, answer
from dot_provider.sandbox.conversations import Conversation, Turn, iso

if TYPE_CHECKING:
    from dot_provider.sandbox.workspace import Workspace

FAIL, CONFIRM, SLOW = "[fail]", "[confirm]", "[slow]"
_AGREEMENTS = ("yes", "keep going", "go ahead", "confirm", "continue", "ok")


@dataclass(frozen=True)
class Question:
    """A question as an endpoint received it.

    Attributes:
        endpoint: for example ``/agentic``.
        follow_up: whether it continues the conversation; otherwise the chat id should be new.
        skip_check: whether the credit guard is off.
        base_url: the address under which the caller reached the sandbox.
    """

    text: str
    chat_id: str
    endpoint: str
    author: str
    base_url: str
    follow_up: bool = False
    skip_check: bool = False
    mode: str | None = None
    environment: str | None = None
    received: float = field(default_factory=time.time)


def accept(workspace: Workspace, question: Question) -> tuple[Conversation, Turn]:
    """Put a question into its conversation, where ``/c2`` shows it from now on as running."""
    settings = workspace.settings
    conversation = workspace.conversations.get(question.chat_id)
    if conversation is None:
        conversation = Conversation(question.chat_id, question.author, question.received)
        conversation.unseen_reads = settings.unseen_polls
        conversation.environment = question.environment
        workspace.conversations[question.chat_id] = conversation
    if not question.follow_up:
        conversation.posts += 1
    conversation.mode = question.mode or conversation.mode
    slow = SLOW in question.text.lower()
    seconds = settings.answer_seconds + (settings.slow_seconds if slow else 0.0)
    turn = Turn(
        question=question.text,
        endpoint=question.endpoint,
        asked_at=question.received,
        ready_at=time.monotonic() + seconds,
        seen_at=time.monotonic() + settings.unseen_seconds,
        polls_left=settings.answer_polls,
        steps=replies.steps(question.text) if question.endpoint.startswith("/agentic") else [],
    )
    conversation.turns.append(turn)
    return conversation, turn


async def work(workspace: Workspace, question: Question, conversation: Conversation, turn: Turn) -> None:
    """Compute the reply to an accepted question; it can be seen once the turn is finished."""
    position = conversation.turns.index(turn)
    earlier = conversation.turns[:position]
    reply = await _reply(workspace, question, turn, earlier)
    turn.replied_at = time.time() + max(0.0, turn.ready_at - time.monotonic())
    turn.reply = {**reply, "created_at": iso(turn.replied_at)}


async def _reply(workspace: Workspace, question: Question, turn: Turn, earlier: list[Turn]) -> dict[str, Any]:
    text = question.text
    if earlier and earlier[-1].status == "needs confirmation" and _agrees(text):
        text = earlier[-1].question
    elif CONFIRM in text.lower() and not question.skip_check:
        return replies.needs_confirmation()
    if FAIL in text.lower():
        return replies.failed("The sandbox was asked to fail this question.")
    for tag in (CONFIRM, SLOW):
        text = text.replace(tag, " ")
    context = " ".join(turn.question for turn in reversed(earlier))
    settings, schemas = workspace.settings, workspace.schemas(question.environment)
    try:
        turn.result = found = await asyncio.to_thread(
            answer, text, context, workspace.answers, settings.duckdb, settings.seed, schemas
        )
    except NoAnswer as error:
        return replies.failed(str(error))
    number = len(earlier) + 1
    table_key, chart_key = f"df_{number}", f"chart_{number}"
    workspace.tables_found[question.chat_id, table_key] = found.table
    workspace.charts_found[replies.chart_secret(question.chat_id, chart_key)] = found.chart
    reply = replies.answered(found, question.chat_id, question.base_url, table_key, chart_key)
    return replies.in_older_form(reply) if settings.older else reply


def _agrees(text: str) -> bool:
    return text.strip().lower().startswith(_AGREEMENTS)
