"""Picking conversations out of an export, by feedback and labels."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from dot_provider.api.history import TooDeep, stream_records
from dot_provider.api.records import UnreadableJsonError, parse_json
from dot_provider.history.rows import Message, chat_id_of, messages_in, rows_of
from dot_provider.history.source import HistorySource, opened

REPORTED = 20

_log = logging.getLogger(__name__)


def matching_chats(export: HistorySource, feedback: Collection[str] = (), labels: Collection[str] = ()) -> list[str]:
    """Return the ids of the conversations in an export that have one of these feedbacks and one of these labels.

    A record that cannot be read is left out, and the log tells of it.

    Args:
        export: the response of ``GET /export_history``, as ``load_history`` takes it.
        feedback: such as ``negative``, of the conversation or one of its messages; any when empty.
        labels: labels of the conversation; any when empty.

    Raises:
        DotProtocolError: the export is cut, or holds no conversations.
    """
    wanted_feedback, wanted_labels = _lowered(feedback), _lowered(labels)
    found_chats: dict[str, None] = {}
    unreadable: list[str] = []
    with opened(export) as document:
        for place, record in enumerate(found.value for found in stream_records(document, exact=False)):
            try:
                chat_id = chat_id_of(record)
                if isinstance(record, TooDeep):
                    unreadable.append(f"record {place} is nested too deeply")
                elif chat_id is None:
                    unreadable.append(f"record {place} has no chat_id, conversation_id or id")
                elif _matches(chat_id, record, wanted_feedback, wanted_labels):
                    found_chats[chat_id] = None
            except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
                unreadable.append(f"record {place}: {error}")
    if unreadable:
        _log.warning(
            "%d records of Dot's history cannot be read and were left out: %s.",
            len(unreadable),
            "; ".join(line[:200] for line in unreadable[:REPORTED]),
        )
    return list(found_chats)


def digest(chat_id: str) -> str:
    """Return a short stand-in for a chat id, to remember many of them by."""
    return hashlib.blake2s(chat_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _matches(chat_id: str, record: Mapping[str, Any], feedback: set[str], labels: set[str]) -> bool:
    row, messages = rows_of(chat_id, record, "", [Message(value, "") for value in messages_in(record)[1] or ()])
    said = {word for one in (row, *messages) for name in ("feedback", "rating") for word in _words(one[name])}
    return (not feedback or bool(said & feedback)) and (not labels or bool(_words(row["labels"]) & labels))


def _words(text: str | None) -> set[str]:
    """Return what a column says: its text, or the values of the JSON list or object in it."""
    if not text:
        return set()
    try:
        value = parse_json(text)
    except UnreadableJsonError:
        value = text
    if isinstance(value, Mapping):
        return _lowered(value.values())
    return _lowered(value if isinstance(value, list) else [value])


def _lowered(values: Iterable[Any]) -> set[str]:
    return {str(value).strip().lower() for value in values}
