"""The conversation history of a workspace."""

from __future__ import annotations

from datetime import date
from typing import BinaryIO

from dot_provider.api.call import Call
from dot_provider.api.calls.arguments import ordered_days
from dot_provider.api.history_export import exported_records
from dot_provider.api.models.records import Record
from dot_provider.api.paths import api_path

EXPORT_TIMEOUT = 900.0
"""Seconds that an export may take: one response holds everything, and there is no paging."""


def export_history(
    start_date: str | date, end_date: str | date, include_all_workspaces: bool = False
) -> Call[list[Record]]:
    """Return all conversations between two days, each as the record that Dot sent.

    ``GET /export_history``. The shape of a record is not documented; see
    ``dot_provider.api.history_export`` for which list is taken.

    Args:
        start_date: first day, a date or YYYY-MM-DD.
        end_date: last day. Whether it is included is Dot's to say; ask for a day more where it matters.
        include_all_workspaces: also those of other workspaces that the token's user may see.

    Raises:
        DotUsageError: a day is malformed, or the end is before the start.
    """
    query = _query(start_date, end_date, include_all_workspaces)
    return Call(
        _name(query),
        "GET",
        api_path("export_history"),
        exported_records,
        query=query,
        slow=EXPORT_TIMEOUT,
        url_auth=True,
    )


def download_history(
    start_date: str | date, end_date: str | date, sink: BinaryIO, include_all_workspaces: bool = False
) -> Call[None]:
    """Write the JSON document of ``export_history`` into ``sink``, a binary file, without holding it in memory."""
    query = _query(start_date, end_date, include_all_workspaces)
    return Call(
        _name(query),
        "GET",
        api_path("export_history"),
        lambda _: None,
        query=query,
        accepts="sink",
        sink=sink,
        slow=EXPORT_TIMEOUT,
        url_auth=True,
    )


def _name(query: dict[str, str]) -> str:
    return f"export history {query['start_date']} to {query['end_date']}"


def _query(start_date: str | date, end_date: str | date, include_all_workspaces: bool) -> dict[str, str]:
    start, end = ordered_days(start_date, end_date)
    everywhere = {"include_all_workspaces": "true"} if include_all_workspaces else {}
    return {"start_date": start, "end_date": end, **everywhere}
