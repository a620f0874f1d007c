"""From Dot's records to the rows of two tables.

A record is either a conversation that holds its messages, or one message that names its conversation. What is not
recognized stays in ``raw``. Times are microseconds since 1970 in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from dot_provider.api.history import CHAT_ID_NAMES, MESSAGES_NAMES
from dot_provider.api.records import UNSTORABLE, Record, UnreadableJsonError, parse_json
from dot_provider.history.facts import (
    COMMENTS,
    NAMES,
    Unreadable,
    as_count,
    as_list,
    as_name,
    as_number,
    as_person,
    as_text,
    as_time,
    compact_json,
    facts_of,
    fields_of,
    first_of,
    opinion_in,
    said_in,
    tables_in,
)

Row = dict[str, Any]


class Message(NamedTuple):
    """One message as Dot sent it, with its JSON."""

    value: Any
    raw: str


def chat_id_of(record: Any) -> str | None:
    """Return the id of the conversation that a record is or belongs to; None when it names none."""
    # In a flat row "id" names the message, so it comes last.
    value = first_of(record, (*CHAT_ID_NAMES, "id"))
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    return text if text.strip() and not UNSTORABLE.search(text) else None


def is_message(record: Record) -> bool:
    """Tell a flat row, which is one message, from a conversation."""
    return not messages_in(record)[0] and any(record.get(key) is not None for key in NAMES["content"])


def messages_in(record: Record) -> tuple[str, list[Any] | None]:
    """Return under which name a conversation holds its messages, and these; an empty name for one without."""
    for key in MESSAGES_NAMES:
        value = record.get(key)
        if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
            try:
                value = parse_json(value, finite=False)
            except UnreadableJsonError:
                continue
        if isinstance(value, dict):
            value = next((value[name] for name in MESSAGES_NAMES if isinstance(value.get(name), list)), None) or (
                list(value.values()) if value and all(isinstance(item, dict) for item in value.values()) else None
            )
        if isinstance(value, list):
            return key, value
    return "", None


def says_something(message: Any) -> bool:
    """Tell whether an entry of a conversation's messages is one: an object with a speaker, a text, or what it did."""
    if not isinstance(message, dict):
        return False
    record = fields_of(message)
    if record.get("role") or record.get("content"):  # as nearly all have
        return True
    return first_of(record, _SAID) is not None


_SAID = (*NAMES["role"], *NAMES["content"], *NAMES["answer"], *NAMES["sql"], "additional_data")


def unpacked(value: Any, raw: str) -> tuple[Any, str]:
    """Return an entry of a conversation's messages with its JSON: its own, where it came as the JSON of an object."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        with suppress(UnreadableJsonError):
            return parse_json(value, finite=False), value.strip()
    return value, raw


def stated_count(record: Record) -> int | None:
    """Return how many messages Dot says that a conversation has."""
    return as_count(first_of(record, NAMES["message_count"]))


def updated_at(record: Record) -> int:
    """Return when a conversation changed last, 0 where it does not say; a flat row speaks of itself alone."""
    return 0 if is_message(record) else as_time(first_of(record, NAMES["updated_at"])) or 0


def is_whole(record: Record, messages: Sequence[Message] | None, strays: int = 0) -> bool:
    """Tell whether a conversation came with all its messages, so that it may replace what is stored.

    Its count of messages says so, to which ``strays`` may belong that are no messages. Without one, Dot may have
    selected messages by their own time: where they have times, the first must be as old and the last as young as the
    conversation says of itself.
    """
    count = stated_count(record)
    if count is not None:
        return len(messages or ()) + strays >= count
    times = [time for message in messages or () if (time := _sent_at(message.value)) is not None]
    if not messages or not times:
        return messages is not None
    began = as_time(first_of(record, NAMES["created_at"]))
    return began is not None and min(times) <= began + _SECOND and 0 < updated_at(record) <= max(times) + _SECOND


_SECOND = 1_000_000


def merged(copies: Iterable[Sequence[Message]]) -> list[Message]:
    """Return the messages of several copies of one conversation, each once, as the last copy has it, in their order.

    A message is known by its id, else by the position it states, else by what it says, and by its time.
    """
    known: dict[Any, Message] = {}
    for copy in copies:
        seen: dict[Any, int] = {}
        latest, new, before = dict[Any, Message](), list[Any](), dict[Any, list[Any]]()
        for message in copy:
            key = _identity(message.value)
            if key[0] == "text":
                seen[key] = seen.get(key, 0) + 1
                key = (*key, seen[key])
            if key in known:
                before.setdefault(key, []).extend(new)
                new = []
            elif key not in latest:
                new.append(key)
            latest[key] = message
        keys = [*(one for key in known for one in (*before.get(key, ()), key)), *new]
        known = {key: latest.get(key) or known[key] for key in keys}
    found = list(known.values())
    places = [_position(message.value) for message in found]
    times = [_sent_at(message.value) for message in found]
    if None in times or (None not in places and len(set(places)) == len(places)):
        order = sorted(range(len(found)), key=lambda n: (places[n] or 0, times[n] or 0))
    else:
        order = sorted(range(len(found)), key=lambda n: (times[n], places[n] or 0))
    return [found[n] for n in order]


def without_repeats(raws: Sequence[Message]) -> list[Message]:
    """Return stored messages as Dot sent them: a question that came with its answer stands in two rows."""
    found: list[Message] = []
    rows = 0
    for message in raws:
        if rows == 0:
            found.append(message)
            rows = 1 + _has_answer(fields_of(message.value))
        rows -= 1
    return found


def rows_of(
    chat_id: str,
    record: Record,
    raw: str,
    messages: Sequence[Message],
    unreadable: Unreadable | None = None,
    whole: bool = True,
) -> tuple[Row, list[Row]]:
    """Return the row of ``conversations`` and those of ``messages``.

    Args:
        chat_id: The conversation's id.
        record: The conversation, or its first flat row.
        raw: ``record`` as JSON, without its messages.
        messages: Its messages in their order.
        unreadable: Counts what came and cannot be read.
        whole: Whether these are all its messages.
    """
    unreadable = unreadable or Unreadable()
    rows: list[Row] = []
    digest = hashlib.blake2b(_SHAPE, digest_size=16)
    for text in (chat_id, raw, *(message.raw for message in messages)):
        digest.update(text.encode())
        digest.update(b"\0")
    for message in messages:
        _add_rows(rows, chat_id, message, unreadable)
    facts, flat = facts_of(record), is_message(record)
    times = [row["created_at"] for row in rows if row["created_at"] is not None]
    questions = [row["content"] for row in rows if row["role"] in _ASKING and row["content"]]
    spent = [row["credits"] for row in rows if row["credits"] is not None]
    count = unreadable.read("conversations.message_count", chat_id, as_count, facts.get("message_count"))
    cost = unreadable.read("conversations.credits", chat_id, as_number, facts.get("credits"))
    began = unreadable.read("conversations.created_at", chat_id, as_time, facts.get("created_at"))
    ended = unreadable.read("conversations.updated_at", chat_id, as_time, facts.get("updated_at"))
    review = facts.get("review")
    row = {
        "chat_id": chat_id,
        "title": as_text(facts.get("title")),
        "environment": as_name(facts.get("environment")),
        "workspace": as_name(facts.get("workspace")),
        "author": as_person(facts.get("author")),
        "labels": as_list(facts.get("labels")),
        "message_count": len(rows) if count is None else count,
        "credits": cost if cost is not None and not flat else sum(spent) if spent else None,
        "review": as_name(review),
        "review_reason": as_text(facts.get("review_reason") or first_of(review, COMMENTS)),
        **opinion_in(facts),
        "created_at": min(times, default=began) if flat else began or min(times, default=None),
        "updated_at": max([*times, ended or 0]) or None if flat else ended or max(times, default=None),
        "first_question": questions[0] if questions else None,
        "last_question": questions[-1] if questions else None,
        "loaded_at": None,
        "deleted_at": None,
        "digest": (UNDATED if flat or not ended else "" if whole else PARTIAL) + digest.hexdigest(),
        "raw": raw,
    }
    return row, rows


PARTIAL, UNDATED = "partial ", "undated "
"""How the digest begins of a conversation that lacks messages, and of one that does not say when it changed last.

Both sort behind any other digest, and in this order, so that SQL can tell them in every warehouse.
"""

_SHAPE = b"2"  # another one, and each row is written again: for when columns are read in another way
_ASKING = ("user", "human")


def _add_rows(rows: list[Row], chat_id: str, message: Message, unreadable: Unreadable) -> None:
    """Add the row of a message; two for an older server's, which is a question with its answer."""
    record = fields_of(message.value)
    if not _has_answer(record):
        rows.append(_message_row(chat_id, record, message.raw, rows, unreadable))
        return
    asked = {key: record[key] for key in (*NAMES["created_at"], *NAMES["author"]) if key in record}
    rest = {key: value for key, value in record.items() if key != "question"}
    for part in ({**asked, "role": "user", "content": record["question"]}, {**rest, "role": "assistant"}):
        rows.append(_message_row(chat_id, part, message.raw, rows, unreadable))


def _has_answer(record: Record) -> bool:
    return (
        bool(record.get("question"))
        and first_of(record, NAMES["answer"]) is not None
        and first_of(record, ("content", "role")) is None
    )


def _message_row(chat_id: str, record: Record, raw: str, before: Sequence[Row], unreadable: Unreadable) -> Row:
    facts, data = facts_of(record), record.get("additional_data")
    inner = facts_of(data) if isinstance(data, dict) else {}
    queries = _queries(facts, inner, data.get("assets") if isinstance(data, dict) else None)
    sql = "\n\n".join(dict.fromkeys(query for query in queries if isinstance(query, str))) or None
    if strange := sum(not isinstance(query, str) for query in queries):
        unreadable.note("messages.sql", chat_id, strange)
    tables = facts.get("tables_used") or inner.get("tables_used") or (tables_in(sql) if sql else None) or None
    if isinstance(tables, list):
        tables = [as_person(table) if isinstance(table, dict) else table for table in tables]
    own, role = facts.get("message_id"), as_text(facts.get("role"))
    created_at = unreadable.read("messages.created_at", chat_id, as_time, facts.get("created_at"))
    unreadable.read("messages.position", chat_id, as_count, facts.get("position"))  # it orders what came in parts
    cost = unreadable.read("messages.credits", chat_id, as_number, facts.get("credits"), inner.get("credits"))
    waits = facts.get("seconds_to_answer"), inner.get("seconds_to_answer")
    seconds = unreadable.read("messages.seconds_to_answer", chat_id, as_number, *waits)
    return {
        "chat_id": chat_id,
        "position": len(before),
        "message_id": None if own is None or str(own) == chat_id else as_text(own),
        "role": role,
        "content": said_in(record, facts),
        "sql": sql,
        "tables_used": as_list(tables),
        "credits": cost,
        "seconds_to_answer": _waited(role, created_at, before) if seconds is None else seconds,
        "author": as_person(facts.get("author")),
        **opinion_in(facts),
        "created_at": created_at,
        "raw": raw,
    }


def _queries(facts: Mapping[str, Any], inner: Mapping[str, Any], assets: Any) -> list[Any]:
    found = assets.values() if isinstance(assets, dict) else assets if isinstance(assets, list) else ()
    queries = [facts.get("sql"), inner.get("sql"), *(first_of(asset, NAMES["sql"]) for asset in found)]
    return [one for query in queries if query is not None for one in (query if isinstance(query, list) else [query])]


def _waited(role: str | None, at: int | None, before: Sequence[Row]) -> float | None:
    asked = before[-1]["created_at"] if before and before[-1]["role"] in _ASKING and role not in _ASKING else None
    return None if asked is None or at is None or at <= asked else (at - asked) / 1e6


def _sent_at(message: Any) -> int | None:
    return as_time(first_of(fields_of(message), NAMES["created_at"]))


def _position(message: Any) -> int | None:
    return as_count(first_of(fields_of(message), NAMES["position"]))


def _identity(message: Any) -> tuple[Any, ...]:
    record = fields_of(message)
    own, at = first_of(record, NAMES["message_id"]), _sent_at(message)
    if own is not None and str(own) != chat_id_of({**record, "id": None}):
        return "id", str(own)
    if (stated := _position(message)) is not None:
        return "position", stated, at
    facts = facts_of(record)
    return "text", at, compact_json([facts.get(fact) for fact in ("role", "content", "answer")])
