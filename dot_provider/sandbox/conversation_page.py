"""The page of one conversation, which answers link to."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlsplit

from dot_provider.sandbox import markdown
from dot_provider.sandbox.conversations import Message
from dot_provider.sandbox.page import document


def conversation_page(title: str, messages: list[Message]) -> str:
    """Return a conversation as HTML, with its tables, charts and SQL."""
    said = "".join(_said(message) for message in messages)
    return document(title, f'<p><a href="/">← Dot sandbox</a></p><h2>{html.escape(title)}</h2>{said}')


def missing_page(chat_id: str) -> str:
    """Return the page for a chat that nobody asked."""
    return document("Not found", f'<p><a href="/">← Dot sandbox</a></p><p>No chat {html.escape(chat_id)} here.</p>')


def _said(message: Message) -> str:
    data = message.get("additional_data") or {}
    if message["role"] == "user":
        return f'<div class="said user"><p>{html.escape(str(message["content"]))}</p></div>'
    parts = data.get("formatted_result") or _older_parts(message)
    if not parts and message["content"] == "success":
        return ""
    if not parts:
        kind = "assistant" if message.get("status") == "failed" or data.get("needs_confirmation") else "step"
        return f'<div class="said {kind}"><p>{html.escape(str(message["content"]))}</p></div>'
    shown = "".join(_part(part, data.get("assets") or {}) for part in parts)
    asked = "".join(f"<li>{html.escape(text)}</li>" for text in message.get("suggested_follow_ups", ()))
    follow_ups = f"<small>Suggested follow-ups</small><ul>{asked}</ul>" if asked else ""
    return f'<div class="said assistant">{shown}{follow_ups}</div>'


def _older_parts(message: Message) -> list[dict[str, Any]]:
    explanation = message.get("explanation")
    return [{"type": "text", "data": explanation}] if explanation else []


def _part(part: dict[str, Any], assets: dict[str, Any]) -> str:
    if part["type"] == "text":
        return markdown.to_html(part["data"])
    asset = assets.get(part["data"], {})
    if part["type"] == "chart" and "chart_download_url" in asset:
        address = html.escape(urlsplit(asset["chart_download_url"]).path)
        return f'<img src="{address}" width="640" height="360" alt="{html.escape(asset["interpretation"])}">'
    if "sql_query" in asset:
        return f"<details><summary>SQL</summary><pre>{html.escape(asset['sql_query'])}</pre></details>"
    return ""
