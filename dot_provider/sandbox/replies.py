"""Dot's messages: what an answer, a failure and the credit guard look like."""

from __future__ import annotations

import hashlib
from typing import Any

from dot_provider.sandbox.conversations import Message
from dot_provider.sandbox.results import Result

_CLI_ONLY = ("text_preview", "csv_download_url", "chart_download_url")
ESTIMATED_CREDITS = 42


def steps(question: str) -> list[Message]:
    """Return the intermediate messages that Dot shows while it works on a question."""
    texts = ("Looking for the tables that matter.", "Writing and running SQL.", "success")
    return [{"role": "assistant", "content": text, "additional_data": {"question": question}} for text in texts]


def answered(result: Result, chat_id: str, base_url: str, table_key: str, chart_key: str) -> Message:
    """Return the message that answers a question; the keys name its table and chart in ``assets``."""
    rows = result.table.rows
    assets = {
        table_key: {
            "sql_query": result.sql,
            "shape": [len(rows), len(result.table.columns)],
            "text_summary": f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}: {', '.join(result.table.columns)}",
            "text_preview": result.table.preview(),
            "csv_download_url": f"{base_url}/api/download_csv?chat_id={chat_id}&df_key={table_key}",
        },
        chart_key: {
            "sql_query": result.sql,
            "interpretation": f"Bar chart of {result.chart.title}.",
            "text_preview": result.chart.title,
            "chart_download_url": f"{base_url}/api/asset/{chart_secret(chat_id, chart_key)}.png",
        },
    }
    parts = [
        {"type": "text", "data": result.text},
        {"type": "dataframe", "data": table_key},
        {"type": "chart", "data": chart_key},
    ]
    return {
        "role": "assistant",
        "content": "success",
        "explanation": result.text,
        "additional_data": {
            "formatted_result": parts,
            "assets": assets,
            "dot_url": f"{base_url}/?c={chat_id}",
            "chat_id": chat_id,
            "credits_used": 1 + len(result.text) % 4,
        },
        "suggested_follow_ups": list(result.follow_ups),
    }


def failed(error: str) -> Message:
    """Return the message of a question that Dot gave up on."""
    return {
        "role": "assistant",
        "content": f"Something went wrong: {error}",
        "status": "failed",
        "error": error,
        "additional_data": {},
    }


def needs_confirmation() -> Message:
    """Return the message of the credit guard: Dot asks before it spends more."""
    return {
        "role": "assistant",
        "content": f"This may use about {ESTIMATED_CREDITS} credits. Keep going?",
        "additional_data": {"needs_confirmation": True, "estimated_credits": ESTIMATED_CREDITS},
    }


def without_downloads(message: Message) -> Message:
    """Return a message without what Dot only adds for ``X-Response-Format: cli``."""
    data: dict[str, Any] = message.get("additional_data", {})
    if "assets" not in data:
        return message
    assets = {
        key: {name: value for name, value in asset.items() if name not in _CLI_ONLY}
        for key, asset in data["assets"].items()
    }
    return {**message, "additional_data": {**data, "assets": assets}}


def in_older_form(message: Message) -> Message:
    """Return an answer as a Dot from before ``/agentic`` gives it: the text is in ``explanation``."""
    data = message.get("additional_data", {})
    if "formatted_result" not in data:
        return message
    kept = {key: value for key, value in data.items() if key in ("dot_url", "chat_id")}
    return {**message, "additional_data": kept}


def chart_secret(chat_id: str, key: str) -> str:
    """Return the unguessable part of a chart's address."""
    return hashlib.sha256(f"sandbox chart {chat_id} {key}".encode()).hexdigest()[:40]
