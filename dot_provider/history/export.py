"""From Dot into the warehouse: download the export, then load it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dot_provider.history.destination import check_place
from dot_provider.history.load import LoadResult, load_history
from dot_provider.history.window import HistoryWindow

if TYPE_CHECKING:
    from dot_provider.api.client import DotClient


def export_history(
    client: DotClient,
    window: HistoryWindow,
    *,
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    options: Mapping[str, Any] | None = None,
    include_all_workspaces: bool = False,
    count_tables: bool = False,
    periods: Sequence[tuple[datetime, datetime]] = (),
    max_bad_records: int = 0,
    mark_deleted: bool = False,
) -> LoadResult:
    """Export the days of ``window`` from Dot into the tables ``conversations`` and ``messages``.

    ``GET /export_history``, written to a temporary file as it comes, so that memory stays flat; nothing is loaded
    unless it came whole. What the warehouse cannot take is refused before Dot is asked.

    Args:
        client: Where to export from.
        window: The days to ask for.
        destination, dataset, options, count_tables, periods, max_bad_records, mark_deleted: As for `load_history`.
        credentials: As for `load_history`; a function is called when the export has come, because temporary passwords
            expire.
        include_all_workspaces: Also conversations of other workspaces that the token's user may see.

    Raises:
        DotError: Of the client, or as `load_history` raises it.
    """
    check_place(destination, credentials, dataset)
    with tempfile.TemporaryFile() as document:
        client.download_history(window.start, window.end, document, include_all_workspaces)
        document.seek(0)
        return load_history(
            document,
            destination=destination,
            credentials=credentials,
            dataset=dataset,
            window=window,
            options=options,
            count_tables=count_tables,
            periods=periods,
            max_bad_records=max_bad_records,
            mark_deleted=mark_deleted,
        )
