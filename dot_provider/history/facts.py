"""What a record of Dot's says, whatever its fields are called; Dot does not document the shape of its history."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, TypeVar

from dot_provider.api.conversations import message_text
from dot_provider.api.history import CHAT_ID_NAMES, MESSAGES_NAMES
from dot_provider.api.records import UNSTORABLE, Record, storable

T = TypeVar("T")

# The names under which each fact is looked for, the first that is filled counts; docs/history.md lists them.
NAMES: dict[str, tuple[str, ...]] = {
    "title": ("title", "name", "subject", "chat_title"),
    "environment": ("environment", "environment_name", "environment_id", "env", "env_id"),
    "workspace": ("workspace", "workspace_name", "workspace_id", "organization", "org", "org_id"),
    "author": ("author", "user", "user_email", "email", "user_id", "created_by", "owner"),
    "labels": ("labels", "tags", "label"),
    "credits": ("credits", "credits_used", "acc", "acc_used", "total_credits", "cost"),
    "review": ("review", "auto_review", "review_label", "review_score", "score", "verdict"),
    "review_reason": ("review_reason", "auto_review_reason", "score_reason", "reason"),
    "feedback": ("feedback", "user_feedback", "thumbs"),
    "rating": ("rating", "stars", "user_rating"),
    "comment": ("comment", "feedback_comment", "feedback_text", "comments"),
    "message_count": ("message_count", "number_of_messages", "num_messages", "n_messages", "messages_count"),
    "created_at": ("created_at", "created", "timestamp", "time", "date", "started_at", "createdAt"),
    "updated_at": ("updated_at", "last_message_at", "modified_at", "last_updated", "updated", "updatedAt"),
    "message_id": ("message_id", "messageId", "id"),
    "position": ("position", "message_index", "index", "turn"),
    "role": ("role", "author_type", "sender"),
    "content": ("content", "text", "message", "question", "explanation", "answer"),
    "answer": ("answer", "explanation", "response"),
    "sql": ("sql", "sql_query", "query"),
    "tables_used": ("tables_used", "used_tables", "tables", "relevant_tables"),
    "seconds_to_answer": ("seconds_to_answer", "duration_seconds", "response_time", "duration", "latency", "elapsed"),
}
_TOLD_BY = frozenset(sum(NAMES.values(), ()))
KNOWN = frozenset((*CHAT_ID_NAMES, *MESSAGES_NAMES, "additional_data", "suggested_follow_ups", *_TOLD_BY))
"""Fields that are read; every other one stays in ``raw`` alone."""

_PERSON = ("email", "name", "realname", "id")
_WORDS = ("label", "verdict", "value", "rating", "score", "name", "type", "status")
COMMENTS = ("comment", "text", "message", "reason")

# Made once: json.dumps would make one per call.
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def facts_of(record: Record) -> dict[str, Any]:
    """Return what a record says, by the names of `NAMES`; what is missing or empty is left out."""
    found: dict[str, Any] = {}
    for fact, names in _tellers(tuple(filter(_TOLD_BY.__contains__, record))):
        for name in names:
            value = record[name]
            if value is not None and value != "":
                found[fact] = value
                break
    return found


@lru_cache(1024)  # records mostly have the fields of the one before
def _tellers(fields: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Return what these fields tell, each fact with its fields, the one that counts first."""
    facts = ((fact, [name for name in names if name in fields]) for fact, names in NAMES.items())
    return [(fact, names) for fact, names in facts if names]


def first_of(record: Any, names: Sequence[str]) -> Any:
    """Return the first of some fields that is filled, None where none is or ``record`` is no object."""
    if isinstance(record, dict):
        for name in names:
            value = record.get(name)
            if value is not None and value != "":
                return value
    return None


def fields_of(message: Any) -> Record:
    """Return the fields of a message, which may be a bare text, or wrapped in another object."""
    if not isinstance(message, dict):
        return {"content": message}
    inner = message.get("message")
    return {**message, "message": None, **inner} if isinstance(inner, dict) else message


def said_in(record: Record, facts: Mapping[str, Any]) -> str | None:
    """Return what a message says, as an answer would (`dot_provider.api.conversations.message_text`), or what it has
    instead of content: parts, text, question.
    """
    if text := message_text(record):
        return text
    content = facts.get("content")
    if isinstance(content, list):
        parts = [
            part if isinstance(part, str) else first_of(part, ("text", "data"))
            for part in content
            if isinstance(part, str) or (isinstance(part, dict) and part.get("type", "text") == "text")
        ]
        content = "\n\n".join(text for text in parts if isinstance(text, str)) or content
    return as_text(facts.get("answer", content) if content in (None, "success") else content)


def opinion_in(facts: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what a user thought: feedback, rating and comment, which may also stand inside of the feedback."""
    feedback, rating, comment = facts.get("feedback"), facts.get("rating"), facts.get("comment")
    if feedback is None and rating is None and comment is None:
        return _NO_OPINION
    if isinstance(feedback, dict):
        rating = first_of(feedback, (*NAMES["rating"], "score", "value")) if rating is None else rating
        comment = first_of(feedback, COMMENTS) if comment is None else comment
    return {"feedback": as_text(feedback), "rating": as_text(rating), "comment": as_text(comment)}


class Unreadable:
    """Values that came and are none of what their column holds; they stand in ``raw`` alone.

    Attributes:
        counts: How many there are, by ``table.column``.
        examples: The id of the first conversation with one, likewise.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def note(self, column: str, chat_id: str, times: int = 1) -> None:
        """Count a value of a conversation."""
        self.counts[column] += times
        self.examples.setdefault(column, chat_id)

    def read(self, column: str, chat_id: str, kind: Callable[[Any], T | None], *values: Any) -> T | None:
        """Return the first of some values that is of a ``kind``, such as `as_time`; None, counted where one came."""
        came = False
        for value in values:
            if value is not None:
                if (found := kind(value)) is not None:
                    return found
                came = True
        if came:
            self.note(column, chat_id)
        return None

    def warn(self, log: logging.Logger) -> None:
        """Log columns, counts and examples where there are any, without a word of what came."""
        if self.counts:
            told = (f"{name} ({n}, first in {self.examples[name][:100]!r})" for name, n in self.counts.items())
            log.warning("Came, but could not be read, and stands only in raw: %s.", ", ".join(told))


_NO_OPINION: dict[str, str | None] = dict.fromkeys(("feedback", "rating", "comment"))


def as_text(value: Any) -> str | None:
    """Return a value as the text of a column: JSON, unless it is a text."""
    return value if value is None or isinstance(value, str) else compact_json(value)


def as_name(value: Any) -> str | None:
    """Return what something is called."""
    return as_text((first_of(value, _WORDS) or value) if isinstance(value, dict) else value)


def as_person(value: Any) -> str | None:
    """Return who somebody is: an e-mail address rather than a name rather than an id."""
    return as_text((first_of(value, _PERSON) or value) if isinstance(value, dict) else value)


def as_list(value: Any) -> str | None:
    """Return a list as JSON, of objects what they are called; anything else is a list of one."""
    if value is None:
        return None
    parts = value if isinstance(value, list) else [value]
    return compact_json([first_of(part, _WORDS) or part if isinstance(part, dict) else part for part in parts])


def as_count(value: Any) -> int | None:
    """Return a whole number that can count messages, which may be written as a text; None for anything else."""
    if value.is_integer() if isinstance(value, float) else isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def as_number(value: Any) -> float | None:
    """Return a number of a sensible size, which may be written as a text; None for anything else."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):  # which Python reads, and nobody else
        return None
    try:
        number = float(value) if isinstance(value, (int, float, str)) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < 1e15 else None


_WHOLE = re.compile(r"[0-9]{1,10}")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=timezone.utc), timedelta(microseconds=1)
_EARLIEST, _LATEST = -62_135_596_800_000_000, 253_402_300_799_000_000
_DIGITS = re.compile(r"-?\d{9,17}(\.\d+)?")
_FRACTION = re.compile(r"\.(\d+)")
_CALENDAR = re.compile(r"((?:19|20)[0-9]{6})([0-9]{6})?")  # as seconds these would be days of 1970


def as_time(value: Any) -> int | None:
    """Return microseconds since 1970 for an ISO or HTTP time, or for seconds, milli-, micro- or nanoseconds.

    Eight or fourteen digits that begin with a century are a day, with its time: 20260801100000.
    """
    try:
        if isinstance(value, str) or (isinstance(value, int) and _CALENDAR.fullmatch(str(value))):
            text = str(value).strip()
            if calendar := _CALENDAR.fullmatch(text):
                moment = datetime.strptime(calendar[1] + (calendar[2] or "000000"), "%Y%m%d%H%M%S")
                return (moment.replace(tzinfo=timezone.utc) - _EPOCH) // _MICROSECOND
            return _since_1970(float(text)) if _DIGITS.fullmatch(text) else (_moment(text) - _EPOCH) // _MICROSECOND
        return _since_1970(float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _moment(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        # Python 3.10 reads neither "Z" nor fractions of other than three or six digits.
        plain = _FRACTION.sub(lambda m: "." + m[1][:6].ljust(6, "0"), re.sub(r"[zZ]$", "+00:00", text), count=1)
        try:
            time = datetime.fromisoformat(plain)
        except ValueError:
            time = parsedate_to_datetime(text)
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _since_1970(number: float) -> int | None:
    for unit in (1, 1e3, 1e6, 1e9):
        if abs(number) / unit < 1e11:
            found = round(number / unit * 1e6)
            return found if _EARLIEST <= found <= _LATEST else None
    return None


_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def to_storable(value: Any, raw: str) -> tuple[Any, str, int]:
    """Return a value with its JSON as any warehouse stores it, and how many characters had to be replaced for it.

    JSON may hold NUL and half of a surrogate pair: PostgreSQL fails on the one, and the other has no UTF-8.
    """
    # Looking for single signs takes no time, and rarely is there more to look for.
    escaped = "\\u" in raw and _SUSPECT.search(raw)
    if not escaped and "\0" not in raw and (raw.isascii() or not UNSTORABLE.search(raw)):
        return value, raw, 0
    plain = compact_json(value)
    count = len(UNSTORABLE.findall(plain)) + plain.count("\\u0000")
    if not count:
        return value, raw, 0
    cleaned = storable(value)
    return cleaned, compact_json(cleaned), count


_TABLE = re.compile(r"(?i)(?<!distinct )\b(?:from|join)\s+([\w$.\"`\[\]-]+)(?![\w$.-]|\s*\()")
_CLAUSES = re.compile(r"(?i)\b(?:extract|substring|trim|overlay|position)\s*\([^()]*\)|--[^\n]*|'[^']*'")
_CTE = re.compile(r"(?i)[\w\"]+(?=\s+as\s+(?:not\s+)?(?:materialized\s+)?\()")
_QUOTES = str.maketrans("", "", '"`[]')


def tables_in(sql: str) -> list[str]:
    """Return the tables that a query reads, as far as its words tell."""
    return list(_tables_in(sql[:100_000]))


@lru_cache(64)  # what is asked each morning is the same query
def _tables_in(sql: str) -> list[str]:
    text = _CLAUSES.sub(" ", sql)
    made_here = {name.strip('"').lower() for name in _CTE.findall(text)} if "with" in text[:5000].lower() else ()
    names = (name.translate(_QUOTES).rstrip(".-") for name in _TABLE.findall(text))
    return [name for name in dict.fromkeys(names) if name and name.lower() not in made_here]
