"""Answers as metadata of a materialization: what a person reads on the asset's page."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from dot_provider.api import DotError
from dot_provider.api.answer_markdown import MAX_INLINE_CHART, answer_markdown, fenced

if TYPE_CHECKING:
    from dot_provider.api import Answer, AnswerTable, DotClient


def answer_metadata(answers: Sequence[Answer], client: DotClient, waited: float, log: logging.Logger) -> dict[str, Any]:
    """Return the metadata of a question and its follow-ups.

    Args:
        answers: the answer, then those to the follow-ups.
        client: downloads tables and charts. What cannot be had is left out, because the answer is paid for.
        waited: seconds that this try of the step waited; an earlier one may have asked.
        log: where that is mentioned.

    Returns:
        ``answer`` (markdown with tables and charts), ``table`` for each table, ``sql``, ``chat`` (link), ``chat_id``,
        ``waited_seconds``, ``credits`` and ``suggested_follow_ups``; what an answer does not have is left out.
    """
    answers = [_with_whole_tables(answer, client, log) for answer in answers]
    first = answers[0]
    metadata: dict[str, Any] = {
        "answer": dg.MetadataValue.md("\n\n---\n\n".join(_markdown(answer, client, log) for answer in answers)),
        "chat": dg.MetadataValue.url(first.url),
        "chat_id": first.chat_id,
        "waited_seconds": round(waited, 3),
    }
    tables = [table for answer in answers for table in answer.tables if table.preview]
    for number, table in enumerate(tables, start=1):
        metadata["table" if number == 1 else f"table_{number}"] = _table(table)
    sql = "\n\n".join(answer.sql for answer in answers if answer.sql)
    if sql:
        metadata["sql"] = dg.MetadataValue.md(fenced(sql, "sql"))
    costs = [answer.credits for answer in answers if answer.credits is not None]
    if costs:
        metadata["credits"] = sum(costs)
    if answers[-1].suggested_follow_ups:
        suggestions = "\n".join(f"- {question}" for question in answers[-1].suggested_follow_ups)
        metadata["suggested_follow_ups"] = dg.MetadataValue.md(suggestions)
    return metadata


def _with_whole_tables(answer: Answer, client: DotClient, log: logging.Logger) -> Answer:
    """Return ``answer`` with each table's rows as CSV instead of Dot's preview, whose form is not documented."""
    files = {table.key: _download(table.key, table.csv_url, client, log) for table in answer.tables}
    tables = (replace(t, preview=_text(files[t.key])) if files[t.key] else t for t in answer.tables)
    return replace(answer, tables=tuple(tables))


def _markdown(answer: Answer, client: DotClient, log: logging.Logger) -> str:
    charts = {chart.key: _download(chart.key, chart.png_url, client, log) for chart in answer.charts}
    for key, picture in charts.items():
        if len(picture) > MAX_INLINE_CHART:
            log.info(f"The chart {key} is too large to be shown here; it is in the chat.")
    return answer_markdown(answer, charts)


def _download(key: str, url: str, client: DotClient, log: logging.Logger) -> bytes:
    if not url:
        return b""
    try:
        return client.download(url).content
    except DotError as error:
        log.warning(f"{key} is not shown, because it could not be downloaded: {error}")
        return b""


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")


def _table(table: AnswerTable) -> dg.TableMetadataValue:
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    columns = [dg.TableColumn(name, "string") for name in (rows[0] if rows else {})]
    records = [dg.TableRecord({column.name: row.get(column.name, "") for column in columns}) for row in rows]
    return dg.MetadataValue.table(records=records, schema=dg.TableSchema(columns=columns))
