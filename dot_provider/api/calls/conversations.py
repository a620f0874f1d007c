"""Conversations: post a question or follow-up, read them back, label them.

Posting costs credits and is never repeated blindly; ``dot_provider.api.flows.ask`` decides when to post.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from dot_provider.api.call import Call
from dot_provider.api.calls.arguments import checked_text, checked_texts
from dot_provider.api.errors import DotUsageError, brief
from dot_provider.api.models.conversation import Conversation
from dot_provider.api.models.reply import Reply
from dot_provider.api.paths import api_path, checked_id

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
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    older: bool = False,
    timeout: float | None = None,
) -> Call[Conversation | None]:
    """Post the first question of a chat. ``POST /agentic``, or ``POST /ask`` on an older Dot.

    ``/agentic`` returns the whole conversation when Dot has finished; ``/ask`` may return before, so its result counts
    as nothing and the chat is read.
    """
    body: dict[str, Any] = {"messages": [_message(question)], "chat_id": checked_id("chat_id", chat_id)}
    return _post(f"ask in chat {chat_id}", "ask" if older else "agentic", chat_id, body, mode, older, timeout)


def post_follow_up(
    question: str,
    chat_id: str,
    mode: Mode | None = None,
    *,
    older: bool = False,
    timeout: float | None = None,
) -> Call[Conversation | None]:
    """Post a further question to a chat. ``POST /agentic_with_history``, or ``POST /ask_with_history``."""
    body: dict[str, Any] = {"new_message": _message(question), "chat_id": checked_id("chat_id", chat_id)}
    path = "ask_with_history" if older else "agentic_with_history"
    return _post(f"follow up in chat {chat_id}", path, chat_id, body, mode, older, timeout)


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


def checked_mode(mode: object) -> Mode | None:
    """Return ``mode`` where Dot documents it.

    Raises:
        DotUsageError: it is another word.
    """
    if mode is not None and mode not in get_args(Mode):
        raise DotUsageError(f"mode must be one of {', '.join(get_args(Mode))}, not {brief(mode)}.")
    return mode  # type: ignore[return-value]


def _post(
    name: str,
    endpoint: str,
    chat_id: str,
    body: dict[str, Any],
    mode: Mode | None,
    older: bool,
    timeout: float | None,
) -> Call[Conversation | None]:
    if checked_mode(mode) and not older:
        body["mode"] = mode

    def read(document: Any) -> Conversation | None:
        finished = not older and isinstance(document, list)
        return Conversation.from_document(document, chat_id, complete=True) if finished else None

    return Call(
        name,
        "POST",
        api_path(endpoint),
        read,
        repeatable=False,
        body=body,
        headers=_WITH_PREVIEWS,
        timeout=timeout,
    )


def _message(question: str) -> dict[str, str]:
    return {"role": "user", "content": checked_text("question", question)}
