"""Conversations: what a chat holds; posting a question or follow-up, reading it back, labelling it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any, Literal, get_args

from dot_provider.api._core.call import Call, Flow, progress, send
from dot_provider.api.arguments import api_path, checked_id, checked_text, checked_texts
from dot_provider.api.errors import DotError, DotUsageError, brief
from dot_provider.api.records import Record, Reply, list_of, record_of, text_of

# Dot documents no state of a conversation. These words are read where a server sends them, and none is needed.
_RUNNING = frozenset({"running", "pending", "queued", "processing", "in_progress", "started"})
_FAILED = frozenset({"failed", "error", "cancelled", "canceled"})
_DONE = frozenset({"done", "completed", "complete", "finished", "succeeded", "success", "answered"})


class QuestionState(Enum):
    """Where a question stands."""

    RUNNING = "running"
    ANSWERED = "answered"
    FAILED = "failed"
    NEEDS_CONFIRMATION = "needs_confirmation"


@dataclass(frozen=True)
class Conversation:
    """All messages of a chat, oldest first, as ``GET /c2/{chat_id}`` or a post returns them.

    ``complete`` is True where this is known to be the final word: the server's on a post, or that of a chat which has
    long been quiet.
    """

    chat_id: str
    messages: tuple[Record, ...]
    complete: bool = False
    raw: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def from_document(cls, document: Any, chat_id: str, *, complete: bool = False) -> Conversation:
        """Read a conversation from a bare list (posting) or a dict with ``messages`` (reading).

        Raises:
            ValueError: neither holds messages.
        """
        messages = document.get("messages") if isinstance(document, dict) else document
        if not isinstance(messages, list):
            raise ValueError("no messages")
        return cls(chat_id, tuple(m for m in messages if isinstance(m, dict)), complete, document)

    @cached_property
    def questions(self) -> list[str]:
        """The user's messages, oldest first."""
        return [text_of(self.messages[start], "content") for start in self._starts]

    @cached_property
    def _starts(self) -> list[int]:
        return [place for place, message in enumerate(self.messages) if message.get("role") == "user"]

    def replies_to(self, position: int) -> Sequence[Record]:
        """Return the messages between the user's question at ``position`` (from 0) and the next one."""
        start, *following = [*self._starts[position : position + 2], len(self.messages)]
        return self.messages[start + 1 : following[0]] if following else ()

    def state_of(self, position: int) -> QuestionState:
        """Return where the user's question at ``position`` (from 0) stands."""
        replies = self.replies_to(position)
        last = replies[-1] if replies else {}
        said = self._said_of(position, last)
        if said & _FAILED or _error_in(last):
            return QuestionState.FAILED
        if record_of(last, "additional_data").get("needs_confirmation"):
            return QuestionState.NEEDS_CONFIRMATION
        if said & _RUNNING:
            return QuestionState.RUNNING
        return QuestionState.ANSWERED if self.answer_to(position) else QuestionState.RUNNING

    def answer_to(self, position: int) -> Record | None:
        """Return the message that answers the question at ``position``, None while there is none.

        A message with content only can be a step on the way. It counts where this is known to be the final word, where
        a status says so, or where it proposes what to ask next.
        """
        replies = self.replies_to(position)
        last = replies[-1] if replies else {}
        final = self.complete or self._said_of(position, last) & _DONE or list_of(last, "suggested_follow_ups")
        return answering_message(replies, bool(final))

    def error_of(self, position: int) -> str:
        """Return Dot's own words on why the question at ``position`` failed, or an empty string."""
        replies = self.replies_to(position)
        last = replies[-1] if replies else {}
        return _error_in(last) or text_of(last, "content")

    def _said_of(self, position: int, last: Record) -> set[str]:
        """Return what a server says of a reply, and of the whole chat, which is where its last question stands."""
        whole = self.raw if isinstance(self.raw, dict) and position == len(self.questions) - 1 else {}
        return {text_of(last, "status").lower(), text_of(whole, "status").lower()}


def answering_message(replies: Sequence[Record], complete: bool) -> Record | None:
    """Return the message that answers a question, among those that follow it.

    It is the last one with a ``formatted_result``; on older servers the last one with an ``explanation``. Where
    nothing more will come (``complete``), it is failing those the last one with content.
    """
    forms = (_formatted, _explained, says_something) if complete else (_formatted, _explained)
    return next((message for form in forms for message in reversed(replies) if form(message)), None)


def has_result(message: Record) -> bool:
    """Tell whether a message is an answer by its form, whatever the state of its chat."""
    return _formatted(message) or _explained(message)


def says_something(message: Record) -> bool:
    """Tell whether a message has content that could be an answer, which Dot's word ``success`` is not."""
    return text_of(message, "content").strip() not in ("", "success")


def message_text(message: Record) -> str:
    """Return what a message says: the texts of its result, else its content, else an older server's explanation."""
    parts = list_of(record_of(message, "additional_data"), "formatted_result")
    texts = [str(p["data"]) for p in parts if isinstance(p, dict) and p.get("type") == "text" and p.get("data")]
    if texts:
        return "\n\n".join(texts)
    return text_of(message, "content" if says_something(message) else "explanation")


def _formatted(message: Record) -> bool:
    return bool(record_of(message, "additional_data").get("formatted_result"))


def _explained(message: Record) -> bool:
    return bool(text_of(message, "explanation"))


def _error_in(message: Record) -> str:
    for place in (message, record_of(message, "additional_data")):
        error = place.get("error")
        if error is True:
            return text_of(message, "content") or "no reason given"
        if isinstance(error, dict):
            error = text_of(error, "message", "detail", "type") or error
        if error:  # an empty one, or false, says that there was none
            return str(error)
    return ""


Mode = Literal["economy", "balanced", "frontier"]

# The official CLI asks for this form when it posts: Dot then adds previews and download links to each asset. Reading a
# chat with it does no harm where Dot does not look at it.
_WITH_PREVIEWS = {"X-Response-Format": "cli"}


def conversation(chat_id: str) -> Call[Conversation]:
    """Return a conversation with all its messages. ``GET /c2/{chat_id}``."""
    return Call(
        f"read chat {chat_id}",
        "GET",
        api_path("c2", ("chat_id", chat_id)),
        lambda document: Conversation.from_document(document, chat_id),
        headers=_WITH_PREVIEWS,
    )


def post_question(
    question: str, chat_id: str, mode: Mode | None = None, *, older: bool = False, timeout: float | None = None
) -> Call[Conversation | None]:
    """Post the first question of a chat. ``POST /agentic``, or ``POST /ask`` on an older Dot.

    ``/agentic`` returns the whole conversation when Dot has finished; ``/ask`` may return before, so its result counts
    as nothing and the chat is read.
    """
    call = _post(f"ask in chat {chat_id}", "ask" if older else "agentic", chat_id, mode, older)
    return replace(call, timeout=timeout, body={"messages": [_message(question)], **call.body})


def post_follow_up(
    question: str, chat_id: str, mode: Mode | None = None, *, older: bool = False, timeout: float | None = None
) -> Call[Conversation | None]:
    """Post a further question to a chat. ``POST /agentic_with_history``, or ``POST /ask_with_history``."""
    path = "ask_with_history" if older else "agentic_with_history"
    call = _post(f"follow up in chat {chat_id}", path, chat_id, mode, older)
    return replace(call, timeout=timeout, body={"new_message": _message(question), **call.body})


def add_labels(chat_id: str, labels: Sequence[str]) -> Call[Reply]:
    """Add labels to a chat. ``POST /add_label_to_chat``.

    Raises:
        DotUsageError: no label is given, or one is empty.
    """
    texts = checked_texts("labels", labels)
    if not texts:
        raise DotUsageError("labels must be a list with at least one text in it.")
    return Call(
        f"label chat {chat_id}",
        "POST",
        api_path("add_label_to_chat"),
        Reply,
        body={"chat_id": checked_id("chat_id", chat_id), "labels": texts},
    )


def label_paid_chat(chat_id: str, labels: Sequence[str]) -> Flow[None]:
    """Label an answer's chat. A failure is reported only: the answer is paid for, and worth more than its labels."""
    if labels:
        try:
            yield from send(add_labels(chat_id, labels))
        except DotError as error:
            yield from progress(f"The chat was not labelled: {error}")


def checked_mode(mode: object) -> Mode | None:
    """Return ``mode`` where Dot documents it.

    Raises:
        DotUsageError: it is another word.
    """
    if mode is not None and mode not in get_args(Mode):
        raise DotUsageError(f"mode must be one of {', '.join(get_args(Mode))}, not {brief(mode)}.")
    return mode  # type: ignore[return-value]


def _post(name: str, endpoint: str, chat_id: str, mode: Mode | None, older: bool) -> Call[Conversation | None]:
    """Return the call of a question, which is to be put into its body."""

    def read(document: Any) -> Conversation | None:
        finished = not older and isinstance(document, list)
        return Conversation.from_document(document, chat_id, complete=True) if finished else None

    body = {"chat_id": checked_id("chat_id", chat_id), **({"mode": mode} if checked_mode(mode) and not older else {})}
    return Call(name, "POST", api_path(endpoint), read, repeatable=False, body=body, headers=_WITH_PREVIEWS)


def _message(question: str) -> dict[str, str]:
    return {"role": "user", "content": checked_text("question", question)}
