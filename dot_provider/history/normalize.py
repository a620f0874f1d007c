"""From Dot's records to rows of two tables; tolerant, because Dot does not document the shape of its history.

A record is either a conversation that holds its messages, or one message that names its conversation. What is not
recognized stays in ``raw``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from dot_provider.history.text import compact_json

Record = Mapping[str, Any]
Row = dict[str, Any]

_MESSAGES = ("messages", "history", "conversation", "chat")
# In a flat row "id" names the message, so it comes last.
_CHAT_ID = ("chat_id", "conversation_id", "chatId", "conversationId", "id")
_POSITION = ("position", "message_index", "index", "turn")
_CONTENT = ("content", "text", "message", "question", "explanation", "answer")
_ROLE = ("role", "author_type", "sender")
_AUTHOR = ("author", "user", "user_email", "email", "user_id", "created_by", "owner")
_PERSON = ("email", "name", "realname", "id")
_CREATED = ("created_at", "created", "timestamp", "time", "date", "started_at", "createdAt")
_UPDATED = ("updated_at", "last_message_at", "modified_at", "last_updated", "updated", "updatedAt")
_COUNT = ("message_count", "number_of_messages", "num_messages", "n_messages", "messages_count")
_FRACTION = re.compile(r"\.(\d+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def chat_id_of(record: Any) -> str | None:
    """Return the id of the conversation that a record is or belongs to; None when it names none."""
    if not isinstance(record, Mapping):
        return None
    value = _first(record, _CHAT_ID)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip() or None


def is_message(record: Record) -> bool:
    """Tell a flat row, which is one message, from a conversation."""
    if _nested_messages(record) is not None:
        return False
    return any(record.get(key) is not None for key in _CONTENT)


def conversation_row(chat_id: str, record: Record, raw: str, messages: Sequence[Row]) -> Row:
    """Return the row of ``conversations``.

    Args:
        chat_id: The conversation's id.
        record: The conversation, or its first flat row.
        raw: ``record`` as JSON.
        messages: The conversation's rows of ``messages``.
    """
    times = [row["created_at"] for row in messages if row["created_at"] is not None]
    count = _first(record, _COUNT)
    return {
        "chat_id": chat_id,
        "title": _text(_first(record, ("title", "name", "subject", "chat_title"))),
        "author": _person(_first(record, _AUTHOR)),
        "labels": _labels(_first(record, ("labels", "tags", "label"))),
        "feedback": _text(record.get("feedback")),
        "rating": _text(record.get("rating")),
        "message_count": int(count) if _is_count(count) else len(messages),
        "created_at": _time(_first(record, _CREATED)) or min(times, default=None),
        "updated_at": _time(_first(record, _UPDATED)) or max(times, default=None),
        "raw": raw,
    }


def nested_message_rows(chat_id: str, record: Record) -> list[Row]:
    """Return the rows of ``messages`` of a conversation that holds them, in its order, from position 0."""
    return [
        _message_row(chat_id, position, message, compact_json(message))
        for position, message in enumerate(_nested_messages(record) or [])
    ]


def flat_message_rows(chat_id: str, records: Sequence[tuple[Record, str]]) -> list[Row]:
    """Return the rows of ``messages`` of flat rows, from position 0.

    Rows are ordered by the position they state, then their time, then their place in the export. A message that comes
    twice, by its own id or stated position, counts as it came last.

    Args:
        chat_id: The conversation's id.
        records: Each record with its JSON, in the export's order.
    """
    latest: dict[tuple[str, Any], tuple[Record, str]] = {}
    for place, (record, raw) in enumerate(records):
        latest[_identity(chat_id, record, place)] = (record, raw)
    ordered = sorted(latest.values(), key=lambda item: _order(item[0]))
    return [_message_row(chat_id, position, *item) for position, item in enumerate(ordered)]


def _identity(chat_id: str, record: Record, place: int) -> tuple[str, Any]:
    own = _first(record, ("message_id", "messageId", "id"))
    if own is not None and str(own) != chat_id:
        return "id", str(own)
    stated = _first(record, _POSITION)
    return ("position", stated) if _is_count(stated) else ("place", place)


def _order(record: Record) -> tuple[float, datetime]:
    stated = _first(record, _POSITION)
    return float(stated) if _is_count(stated) else 0.0, _time(_first(record, _CREATED)) or _EPOCH


def _message_row(chat_id: str, position: int, message: Any, raw: str) -> Row:
    record = message if isinstance(message, Mapping) else {"content": message}
    if isinstance(inner := record.get("message"), Mapping):
        record = {**record, "message": None, **inner}
    return {
        "chat_id": chat_id,
        "position": position,
        "role": _text(_first(record, _ROLE)),
        "content": _content(record),
        "author": _person(_first(record, _AUTHOR)),
        "feedback": _text(record.get("feedback")),
        "rating": _text(record.get("rating")),
        "created_at": _time(_first(record, _CREATED)),
        "raw": raw,
    }


def _nested_messages(record: Record) -> list[Any] | None:
    for key in _MESSAGES:
        value = record.get(key)
        if isinstance(value, Mapping):
            value = value.get("messages")
        if isinstance(value, list):
            return value
    return None


def _content(message: Record) -> str | None:
    """Return what a message says; where its content is empty or the bare word "success", the answer is in its parts."""
    content = _first(message, _CONTENT)
    if isinstance(content, list):
        content = _joined(content) or _text(content)
    if content in (None, "", "success"):
        data = message.get("additional_data")
        parts = data.get("formatted_result") if isinstance(data, Mapping) else None
        content = (_joined(parts) if isinstance(parts, list) else None) or content
    return _text(content)


def _joined(parts: Sequence[Any]) -> str | None:
    texts = [
        part if isinstance(part, str) else part.get("text", part.get("data"))
        for part in parts
        if isinstance(part, str) or (isinstance(part, Mapping) and part.get("type", "text") == "text")
    ]
    return "\n\n".join(text for text in texts if isinstance(text, str)) or None


def _first(record: Record, keys: Sequence[str]) -> Any:
    for key in keys:
        value = record.get(key)
        if value is not None and value != "":
            return value
    return None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return compact_json(value)


def _person(value: Any) -> str | None:
    return _text(_first(value, _PERSON)) if isinstance(value, Mapping) else _text(value)


def _labels(value: Any) -> str | None:
    if value is None:
        return None
    return compact_json(value if isinstance(value, list) else [value])


def _time(value: Any) -> datetime | None:
    """Read an ISO time, or seconds, milliseconds or microseconds since 1970; None for anything else. No zone is UTC."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, (int, float)):
            return _epoch(float(value))
        if not isinstance(value, str):
            return None
        text = value.strip()
        if re.fullmatch(r"\d{9,17}(\.\d+)?", text):
            return _epoch(float(text))
        # Python 3.10 reads neither "Z" nor fractions of other than three or six digits.
        text = _FRACTION.sub(lambda m: "." + m[1][:6].ljust(6, "0"), re.sub(r"[zZ]$", "+00:00", text), count=1)
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _epoch(number: float) -> datetime | None:
    for unit in (1, 1e3, 1e6, 1e9):
        if abs(number) / unit < 1e11:
            return _EPOCH + timedelta(seconds=number / unit)
    return None
