"""Dot's history as a dlt source, for teams whose pipelines are dlt's or dagster-dlt's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

from dot_provider.history.stage import Stage
from dot_provider.history.tables import HISTORY, Batcher
from dot_provider.history.window import HistoryWindow

if TYPE_CHECKING:
    from dot_provider.api.client import DotClient


def dot_source(
    client: DotClient,
    start_date: date | str | None = None,
    end_date: date | str | None = None,
    *,
    include_all_workspaces: bool = False,
    max_bad_records: int = 0,
) -> Any:
    """Return a dlt source with the tables ``conversations`` and ``messages`` of these days, merged on their keys.

    ``GET /export_history``, written to a temporary file as it comes. What ``load_history`` promises and dlt's merge
    does not: both tables do not change in one transaction, a message that Dot removed stays, and a conversation that
    came without all its messages, or older than it is stored, is written as it came.

    Args:
        client: Where to export from.
        start_date: First day, a date or ``YYYY-MM-DD``; two weeks before ``end_date`` when left out.
        end_date: The day after the last one; tomorrow when left out.
        include_all_workspaces: Also conversations of other workspaces that the token's user may see.
        max_bad_records: How many records may be left out because they cannot be read; with more nothing is loaded.

    Raises:
        DotUsageError: A day cannot be read.
        ImportError: dlt is not installed.

    Example:
        >>> import dlt
        >>> pipeline = dlt.pipeline("dot", destination="duckdb", dataset_name="dot")
        >>> pipeline.run(dot_source(DotClient(token="..."), "2026-01-01"))
    """
    from dot_provider.history.dlt_adapter import dlt_source_of

    window = HistoryWindow.of_dates(start_date, end_date)

    def batches() -> Iterator[Any]:
        with tempfile.TemporaryFile() as document:
            client.download_history(window.start, window.end, document, include_all_workspaces)
            document.seek(0)
            with closing(Stage(document, max_bad_records)) as stage:
                yield from Batcher().batches(stage.conversations())

    return dlt_source_of(batches, HISTORY, "dot_history", merge=True)
