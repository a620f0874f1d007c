"""Load Dot's conversation history into a warehouse."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dot_provider.api.errors import DotError
from dot_provider.history.destination import dataset_name, usable_destination
from dot_provider.history.load_errors import explain
from dot_provider.history.publish import publish
from dot_provider.history.read import HistorySource, read_records
from dot_provider.history.stage import Stage
from dot_provider.history.staging_cleanup import FOLDER, remove_folders
from dot_provider.history.tables import CONVERSATIONS, MESSAGES, Batcher
from dot_provider.history.window import HistoryWindow

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadResult:
    """What a load did.

    Attributes:
        conversations: Rows written to ``conversations``.
        messages: Rows written to ``messages``.
        cleaned_characters: Characters that no database stores (NUL, lone surrogates), replaced by U+FFFD.
        rejected: Records that name no conversation and were not loaded.
        rejections: One sentence for each of the first twenty of those.
        window: The days that were asked for, if the caller said so.
        tables: The tables' names within their database, as the warehouse has them: ``("dot.conversations",
            "dot.messages")``, in Snowflake in capitals, in ClickHouse ``("db.dot___conversations", ...)``.
        seconds: How long it took.
        table_rows: Rows that each table holds since then, by its name, if the caller wanted to know and the warehouse
            told.
        period_rows: Rows written of each of the caller's periods, by the table's name and in the periods' order.
    """

    conversations: int
    messages: int
    cleaned_characters: int
    rejected: int
    rejections: tuple[str, ...]
    window: HistoryWindow | None
    tables: tuple[str, str]
    seconds: float
    table_rows: Mapping[str, int] | None = None
    period_rows: Mapping[str, Sequence[int]] = field(default_factory=dict)


def load_history(
    records_or_stream: HistorySource,
    *,
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    window: HistoryWindow | None = None,
    options: Mapping[str, Any] | None = None,
    count_tables: bool = False,
    periods: Sequence[tuple[datetime, datetime]] = (),
) -> LoadResult:
    """Load the records of an export into the tables ``conversations`` and ``messages``.

    Each conversation replaces its former self with all its messages; conversations that did not come stay as they are.
    Loading the same records again changes nothing. Memory stays flat, however big the export is.

    Args:
        records_or_stream: The response of ``GET /export_history``: bytes, an iterable of bytes, an open binary file, or
            an iterable of records.
        destination: dlt's name of the warehouse, like ``"duckdb"``, ``"postgres"`` or ``"snowflake"``.
        credentials: What dlt takes for it: a URL, a path, a mapping or a credentials object, or a function that
            returns one. None leaves it to dlt's own configuration (environment variables, ``secrets.toml``).
        dataset: The schema that holds the tables; created when missing. Names are written as dlt writes them:
            ``DotHistory`` is ``dot_history``.
        window: The days that the records are of, for the result and the log.
        options: Further settings of the dlt destination, like ``{"location": "EU"}`` for BigQuery.
        count_tables: True to count both tables afterwards, for the result's ``table_rows``.
        periods: Beginnings and ends (aware, ascending, apart) whose rows are counted, for ``period_rows``.

    Raises:
        DotConfigError: The destination is unknown, its driver is not installed, or it cannot hold such a dataset.
        DotUsageError: The dataset is empty or too long.
        DotProtocolError: The export is cut, is no JSON, or holds no conversations. Nothing was loaded.
        HistoryLoadError: The warehouse failed; its tables hold their last complete state.
    """
    schema = dataset_name(dataset)
    if schema != dataset:
        logger.info("The dataset %r is the schema %s in the warehouse.", dataset, schema)
    found = credentials() if callable(credentials) else credentials
    warehouse = usable_destination(destination, found, schema, options)
    started = time.monotonic()
    remove_folders()
    with tempfile.TemporaryDirectory(prefix=FOLDER, ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder))
        try:
            stage.add_all(read_records(records_or_stream))
            batcher = Batcher(periods)
            failure: DotError | None = None
            try:
                published = publish(
                    batcher.batches(stage.conversations()),
                    destination=warehouse.destination,
                    credentials=warehouse.credentials,
                    options=warehouse.options,
                    dataset=schema,
                    folder=Path(folder),
                    count=count_tables,
                )
            except Exception as error:
                failure = explain(error, warehouse.destination, warehouse.credentials)
            if failure is not None:
                # Raised outside of the handler: dlt's exceptions hold SQL and settings, and must not travel along.
                raise failure
        finally:
            stage.close()
    result = LoadResult(
        conversations=batcher.rows[CONVERSATIONS],
        messages=batcher.rows[MESSAGES],
        cleaned_characters=stage.cleaned_characters,
        rejected=stage.rejected,
        rejections=tuple(stage.rejections),
        window=window,
        tables=published.tables,
        seconds=time.monotonic() - started,
        table_rows=published.rows,
        period_rows=batcher.period_rows,
    )
    _report(result)
    return result


def _report(result: LoadResult) -> None:
    days = f" of {result.window}" if result.window else ""
    logger.info(
        "Loaded %d conversations with %d messages%s into %s.",
        result.conversations,
        result.messages,
        days,
        " and ".join(result.tables),
    )
    for sentence in result.rejections:
        logger.warning("Not loaded: %s.", sentence)
