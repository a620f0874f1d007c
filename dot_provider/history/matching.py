"""Picking conversations out of an export, by feedback and labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from dot_provider.api.errors import DotProtocolError
from dot_provider.api.models.records import records_in
from dot_provider.history.normalize import chat_id_of, conversation_row, nested_message_rows

_LISTS = ("conversations", "history", "data", "chats", "messages")


def matching_chats(document: bytes, feedback: Collection[str] = (), labels: Collection[str] = ()) -> list[str]:
    """Return the ids of the conversations in an export that have one of these feedbacks and one of these labels.

    Args:
        document: the response of ``GET /export_history``.
        feedback: such as ``negative``, of the conversation or one of its messages; any when empty.
        labels: labels of the conversation; any when empty.

    Raises:
        DotProtocolError: the export is cut, or holds no conversations.
    """
    try:
        records = records_in(json.loads(document), *_LISTS)
    except ValueError:
        raise DotProtocolError("The export of Dot's history is cut or holds no list.", retryable=True) from None
    wanted_feedback, wanted_labels = _lowered(feedback), _lowered(labels)
    found = {
        chat_id: None
        for record in records
        if (chat_id := chat_id_of(record)) and _matches(chat_id, record, wanted_feedback, wanted_labels)
    }
    return list(found)


def digest(chat_id: str) -> str:
    """Return a short stand-in for a chat id, to remember many of them by."""
    return hashlib.blake2s(chat_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _matches(chat_id: str, record: Mapping[str, Any], feedback: set[str], labels: set[str]) -> bool:
    messages = nested_message_rows(chat_id, record)
    row = conversation_row(chat_id, record, "", messages)
    said = {word for one in (row, *messages) for name in ("feedback", "rating") for word in _words(one[name])}
    return (not feedback or bool(said & feedback)) and (not labels or bool(_words(row["labels"]) & labels))


def _words(text: str | None) -> set[str]:
    """Return what a column says: its text, or the values of the JSON list or object in it."""
    if not text:
        return set()
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, Mapping):
        return _lowered(value.values())
    return _lowered(value if isinstance(value, list) else [value])


def _lowered(values: Iterable[Any]) -> set[str]:
    return {str(value).strip().lower() for value in values}
