"""The history export: which conversations it holds, and the shapes it can take."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import chain, islice
from typing import Any

from dot_provider.sandbox.accounts import ORG_ID
from dot_provider.sandbox.conversations import Conversation
from dot_provider.sandbox.history import conversation_record
from dot_provider.sandbox.settings import Settings
from dot_provider.sandbox.workspace import Workspace

_BATCH = 200
_LONGEST_CONVERSATION = timedelta(days=2)


def exported(workspace: Workspace, start: datetime, end: datetime, all_workspaces: bool) -> Iterator[str]:
    """Stream the export of the days from ``start`` to ``end`` (midnights, UTC) as pieces of JSON."""
    settings = workspace.settings
    if settings.history_end == "inclusive":
        end += timedelta(days=1)
    # Taken now, in the event loop; the pieces are made in a worker thread.
    asked = [_record(conversation) for conversation in workspace.conversations.values()]
    records = chain(_past(workspace, start, end), (r for r in asked if _selected(r, settings, start, end)))
    if all_workspaces:
        records = ({**record, "workspace": ORG_ID} for record in records)  # type: ignore[assignment]
    return _pieces(_shaped(records, settings), wrapped=settings.history_shape == "wrapped")


def _past(workspace: Workspace, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    settings = workspace.settings
    earliest = start - _LONGEST_CONVERSATION if settings.history_by == "updated" else start
    for record in workspace.past.between(earliest.timestamp(), end.timestamp()):
        if _selected(record, settings, start, end):
            yield record


def _record(conversation: Conversation) -> dict[str, Any]:
    return conversation_record(
        chat_id=conversation.chat_id,
        title=conversation.title,
        author=conversation.author,
        labels=list(conversation.labels),
        messages=conversation.messages,
        environment=conversation.environment,
    )


def _selected(record: dict[str, Any], settings: Settings, start: datetime, end: datetime) -> bool:
    field = "created_at" if settings.history_by == "started" else "updated_at"
    return start <= datetime.fromisoformat(record[field]) < end


def _shaped(records: Iterable[dict[str, Any]], settings: Settings) -> Iterator[dict[str, Any]]:
    for record in records:
        messages = record.pop("messages")
        record = {settings.history_id: record.pop("chat_id"), **record}
        if settings.history_times == "epoch":
            record, messages = _in_epoch(record), [_in_epoch(message) for message in messages]
        if settings.history_shape == "flat":
            yield from _flat(record, messages)
        else:
            yield {**record, "messages": messages}


def _flat(record: dict[str, Any], messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    started = record.pop("created_at")
    for position, message in enumerate(messages):
        yield {**record, "conversation_created_at": started, "position": position, **message}


def _in_epoch(item: dict[str, Any]) -> dict[str, Any]:
    times = {k: _seconds(item[k]) for k in ("created_at", "updated_at") if item.get(k)}
    return {**item, **times}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(timezone.utc).timestamp()


def _pieces(rows: Iterator[dict[str, Any]], wrapped: bool) -> Iterator[str]:
    yield '{"conversations": [' if wrapped else "["
    count = 0
    while batch := list(islice(rows, _BATCH)):
        yield (", " if count else "") + ", ".join(json.dumps(row) for row in batch)
        count += len(batch)
    yield f'], "total": {count}}}' if wrapped else "]"
