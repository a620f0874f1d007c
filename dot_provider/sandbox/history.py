"""The history: past conversations, derived from a seed when they are read, and the export of all of them."""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta, timezone
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse

from dot_provider.sandbox.auth import ORG_ID, AdminByUrl, InWorkspace
from dot_provider.sandbox.conversations import Conversation, Message, iso
from dot_provider.sandbox.settings import Settings

if TYPE_CHECKING:
    from dot_provider.sandbox.workspace import Workspace

router = APIRouter(prefix="/api")

_BATCH = 200
_DAY = 86_400
_AUTHORS = ("ada.lopez", "ben.okafor", "chen.wei", "dina.haddad", "elif.kaya", "finn.berg", "grace.moreau")
_METRICS = ("revenue", "orders", "active customers", "refunds", "average order value", "new signups", "margin")
_CUTS = ("region", "month", "sales channel", "product category", "customer segment", "week")
_PERIODS = ("last month", "last quarter", "this year", "last week", "in the last 90 days", "year to date")
_FIRST = (
    "What was {metric} by {cut} {period}?",
    "How did {metric} develop {period}?",
    "Which {cut} has the highest {metric} {period}?",
    "Why did {metric} drop {period}?",
)
_NEXT = (
    "How does that compare to the period before?",
    "Split that by {cut}.",
    "Which {cut} explains most of the change?",
)
_LABELS = ("finance", "weekly review", "verified", "follow up", "board deck")
_COMMENTS = ("Exactly what I needed.", "The numbers do not match the dashboard.", "Wrong date range.")


class PastConversations:
    """The conversations a workspace starts with, sorted by when they started."""

    def __init__(self, settings: Settings) -> None:
        self._seed = settings.seed
        until = settings.history_until or datetime.now(timezone.utc).date()
        last_midnight = datetime.combine(until, time(), timezone.utc).timestamp()
        self._starts = _start_times(settings.seed, settings.history, settings.history_days, last_midnight)
        self._labels: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._starts)

    def between(self, start: float, end: float) -> Iterator[dict[str, Any]]:
        """Yield the conversations that started in ``[start, end)``, both seconds since 1970."""
        for number in range(bisect_left(self._starts, start), bisect_left(self._starts, end)):
            yield self.record(number)

    def record_of(self, chat_id: str) -> dict[str, Any] | None:
        """Return the past conversation with a chat id; None when none has it."""
        number = self._numbers.get(chat_id)
        return None if number is None else self.record(number)

    def record(self, number: int) -> dict[str, Any]:
        """Return one conversation with its messages."""
        # Reproducible, not secret.
        rng = random.Random(f"{self._seed}/{number}")  # noqa: S311
        start = self._starts[number]
        messages = _messages(rng, start)
        labels = [rng.choice(_LABELS)] if rng.random() < 0.2 else []
        labels += [label for label in self._labels.get(number, ()) if label not in labels]
        return conversation_record(
            chat_id=_chat_id(self._seed, number),
            title=messages[0]["content"],
            author=f"{rng.choice(_AUTHORS)}@sandbox.example",
            labels=labels,
            messages=messages,
        )

    def add_labels(self, chat_id: str, labels: list[str]) -> list[str]:
        """Add labels to a past conversation and return all that it has; raises KeyError when there is none."""
        number = self._numbers[chat_id]
        self._labels.setdefault(number, []).extend(labels)
        return list(self.record(number)["labels"])

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {_chat_id(self._seed, number): number for number in range(len(self))}


def conversation_record(
    *, chat_id: str, title: str, author: str, labels: list[str], messages: list[Message], **more: Any
) -> dict[str, Any]:
    """Return a conversation as the export knows it; it starts and ends with its messages."""
    return {
        "chat_id": chat_id,
        "title": title,
        "author": author,
        "created_at": messages[0]["created_at"],
        "updated_at": messages[-1]["created_at"],
        "number_of_messages": len(messages),
        "labels": labels,
        **more,
        "messages": messages,
    }


def _start_times(seed: int, count: int, days: int, last_midnight: float) -> list[float]:
    """Spread starts over working hours, with fewer on weekends."""
    rng = random.Random(f"{seed}/starts")  # noqa: S311
    midnights = [last_midnight - _DAY * back for back in range(days)]
    weights = [1 if datetime.fromtimestamp(m, timezone.utc).weekday() > 4 else 6 for m in midnights]
    chosen = rng.choices(midnights, weights, k=count)
    return sorted(midnight + rng.triangular(7, 19, 11) * 3600 for midnight in chosen)


def _chat_id(seed: int, number: int) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(f"{seed}/{number}".encode()).digest()[:16], version=4))


def _messages(rng: random.Random, start: float) -> list[Message]:
    metric, at = rng.choice(_METRICS), start
    messages: list[Message] = []
    for turn in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        template = rng.choice(_NEXT if turn else _FIRST)
        question = template.format(metric=metric, cut=rng.choice(_CUTS), period=rng.choice(_PERIODS))
        messages.append({"role": "user", "content": question, "created_at": iso(at)})
        at += rng.uniform(4, 90)
        messages.append(_reply(rng, metric, at))
        at += rng.uniform(20, 600)
    return messages


def _reply(rng: random.Random, metric: str, at: float) -> Message:
    if rng.random() < 0.03:
        error = "The query ran into the warehouse's time limit."
        return {"role": "assistant", "content": error, "status": "failed", "error": error, "created_at": iso(at)}
    value, change = rng.randrange(900, 900_000), rng.uniform(-30, 40)
    text = f"**{value:,}** {metric}, {change:+.1f} % against the period before."
    sql = f"select period, {metric.replace(' ', '_')} from analytics.kpis order by 1"  # noqa: S608
    reply: Message = {
        "role": "assistant",
        "content": text,
        "created_at": iso(at),
        "additional_data": {
            "formatted_result": [{"type": "text", "data": text}, {"type": "dataframe", "data": "df_1"}],
            "assets": {"df_1": {"sql_query": sql, "shape": [rng.randrange(1, 50), 2]}},
            "credits_used": rng.randrange(1, 9),
        },
    }
    if rng.random() < 0.15:
        positive = rng.random() < 0.7
        comment = _COMMENTS[0] if positive else rng.choice(_COMMENTS[1:])
        reply["feedback"] = {"rating": "positive" if positive else "negative", "comment": comment}
    return reply


@router.get("/export_history")
async def export_history(
    workspace: InWorkspace,
    _: AdminByUrl,
    start_date: str | None = None,
    end_date: str | None = None,
    include_all_workspaces: bool = False,
) -> StreamingResponse:
    """Stream the conversations between two days, by default from two weeks ago to tomorrow."""
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    start = _day("start_date", start_date) if start_date else today - timedelta(days=14)
    end = _day("end_date", end_date) if end_date else today + timedelta(days=1)
    pieces = export_pieces(workspace, start, end, include_all_workspaces)
    return StreamingResponse(pieces, media_type="application/json")


def day_start(day: str) -> datetime:
    """Parse ``YYYY-MM-DD`` as midnight UTC; raises ValueError."""
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc)


def _day(name: str, value: str) -> datetime:
    try:
        return min(max(day_start(value), day_start("1970-01-01")), day_start("3000-01-01"))
    except ValueError:
        error = {"type": "date_parsing", "loc": ("query", name), "msg": "Input should be YYYY-MM-DD", "input": value}
        raise RequestValidationError([error]) from None


def export_pieces(workspace: Workspace, start: datetime, end: datetime, all_workspaces: bool) -> Iterator[str]:
    """Stream the export of the days from ``start`` to ``end`` (midnights, UTC; both included) as pieces of JSON."""
    first, behind = start.timestamp(), (end + timedelta(days=1)).timestamp()
    # Taken now, in the event loop; the pieces are made in a worker thread.
    asked = [_record(one) for one in workspace.conversations.values() if first <= one.turns[0].asked_at < behind]
    records: Iterable[dict[str, Any]] = chain(workspace.past.between(first, behind), asked)
    if all_workspaces:
        records = ({**record, "workspace": ORG_ID} for record in records)
    return _pieces(iter(records))


def _record(conversation: Conversation) -> dict[str, Any]:
    return conversation_record(
        chat_id=conversation.chat_id,
        title=conversation.title,
        author=conversation.author,
        labels=list(conversation.labels),
        messages=conversation.messages,
        environment=conversation.environment,
    )


def _pieces(records: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield "["
    between = ""
    while batch := list(islice(records, _BATCH)):
        yield between + ", ".join(json.dumps(record) for record in batch)
        between = ", "
    yield "]"
