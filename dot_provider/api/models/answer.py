"""Dot's answer to a question, as text, tables and charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dot_provider.api.models.conversation import Conversation, answering_message
from dot_provider.api.models.records import Record, text_of


@dataclass(frozen=True)
class AnswerTable:
    """A table of an answer. ``shape`` is (rows, columns); ``preview`` holds its first rows as CSV-like text."""

    key: str
    sql: str = ""
    preview: str = ""
    summary: str = ""
    shape: tuple[int, int] | None = None
    csv_url: str = field(default="", repr=False)


@dataclass(frozen=True)
class AnswerChart:
    """A chart of an answer; ``png_url`` downloads it."""

    key: str
    interpretation: str = ""
    png_url: str = field(default="", repr=False)


@dataclass(frozen=True)
class AnswerFile:
    """A file that Dot made for an answer."""

    key: str
    path: str = ""
    url: str = field(default="", repr=False)


@dataclass(frozen=True)
class Answer:
    """What Dot answered.

    Attributes:
        text: the answer in markdown.
        chat_id: the chat it belongs to; follow-ups go there.
        url: the page on which a person reads it.
        question: what was asked.
        tables, charts, files: its assets, in the order in which the answer shows them.
        sql: the SQL behind it, statements separated by blank lines.
        suggested_follow_ups: questions that Dot proposes.
        credits: what it cost, where Dot says so.
        raw: the answering message as Dot sent it.
    """

    text: str
    chat_id: str
    url: str
    question: str = ""
    tables: tuple[AnswerTable, ...] = ()
    charts: tuple[AnswerChart, ...] = ()
    files: tuple[AnswerFile, ...] = ()
    sql: str = ""
    suggested_follow_ups: tuple[str, ...] = ()
    credits: float | None = None
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    def to_record(self) -> dict[str, Any]:
        """Return the answer as plain JSON values, for XCom or metadata.

        Download links are left out, because some hold a secret in their path; ``raw`` is left out for its size.
        """
        return {
            "question": self.question,
            "text": self.text,
            "chat_id": self.chat_id,
            "url": self.url,
            "sql": self.sql,
            "tables": [
                {"key": t.key, "preview": t.preview, "summary": t.summary, "shape": list(t.shape) if t.shape else None}
                for t in self.tables
            ],
            "charts": [{"key": c.key, "interpretation": c.interpretation} for c in self.charts],
            "files": [{"key": f.key, "path": f.path} for f in self.files],
            "suggested_follow_ups": list(self.suggested_follow_ups),
            "credits": self.credits,
        }


def read_answer(conversation: Conversation, position: int, chat_url: str) -> Answer | None:
    """Return the answer to the user's question at ``position`` (from 0), or None while there is none."""
    message = answering_message(conversation.replies_to(position), conversation.complete)
    if message is None:
        return None
    extra = message.get("additional_data")
    extra = extra if isinstance(extra, Mapping) else {}
    parts = [p for p in extra.get("formatted_result") or [] if isinstance(p, Mapping)]
    tables, charts, files = _assets(parts, extra.get("assets"))
    follow_ups = message.get("suggested_follow_ups")
    credits_used = extra.get("credits_used")
    return Answer(
        text=_text(message, parts),
        chat_id=conversation.chat_id,
        url=text_of(extra, "dot_url") or chat_url,
        question=conversation.questions[position],
        tables=tables,
        charts=charts,
        files=files,
        sql="\n\n".join(dict.fromkeys(table.sql for table in tables if table.sql)),
        suggested_follow_ups=tuple(str(f) for f in follow_ups) if isinstance(follow_ups, list) else (),
        credits=float(credits_used) if isinstance(credits_used, int | float) else None,
        raw=message,
    )


def _text(message: Record, parts: list[Mapping[str, Any]]) -> str:
    texts = [str(p["data"]) for p in parts if p.get("type") == "text" and p.get("data")]
    if texts:
        return "\n\n".join(texts)
    content = text_of(message, "content")
    return content if content.strip() not in ("", "success") else text_of(message, "explanation")


def _assets(
    parts: list[Mapping[str, Any]], assets: Any
) -> tuple[tuple[AnswerTable, ...], tuple[AnswerChart, ...], tuple[AnswerFile, ...]]:
    known = assets if isinstance(assets, Mapping) else {}
    shown = {str(p.get("data")): str(p.get("type")) for p in parts if str(p.get("data")) in known}
    # Assets that no part shows still belong to the answer: the official CLI downloads them too.
    kinds = {**shown, **{key: _kind(value) for key, value in known.items() if key not in shown}}
    records = {key: value if isinstance(value, Mapping) else {} for key, value in known.items()}
    return (
        tuple(_table(key, records[key]) for key, kind in kinds.items() if kind == "dataframe"),
        tuple(_chart(key, records[key]) for key, kind in kinds.items() if kind == "chart"),
        tuple(_file(key, records[key]) for key, kind in kinds.items() if kind == "file"),
    )


def _kind(asset: Any) -> str:
    if not isinstance(asset, Mapping):
        return ""
    if asset.get("chart_download_url"):
        return "chart"
    if asset.get("csv_download_url") or asset.get("text_preview"):
        return "dataframe"
    return "file" if asset.get("download_url") else ""


def _table(key: str, asset: Record) -> AnswerTable:
    shape = asset.get("shape")
    known = isinstance(shape, list | tuple) and len(shape) == 2 and all(isinstance(n, int) for n in shape)
    return AnswerTable(
        key=key,
        sql=text_of(asset, "sql_query"),
        preview=text_of(asset, "text_preview"),
        summary=text_of(asset, "text_summary"),
        shape=(shape[0], shape[1]) if known and shape else None,
        csv_url=text_of(asset, "csv_download_url"),
    )


def _chart(key: str, asset: Record) -> AnswerChart:
    return AnswerChart(key, text_of(asset, "interpretation"), text_of(asset, "chart_download_url"))


def _file(key: str, asset: Record) -> AnswerFile:
    return AnswerFile(key, text_of(asset, "path"), text_of(asset, "download_url"))
