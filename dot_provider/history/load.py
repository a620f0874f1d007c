"""Load Dot's conversation history into a warehouse."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from datetime import time as datetime_time
from functools import partial
from itertools import chain
from typing import Any

from dot_provider import __version__
from dot_provider.api.arguments import checked_flag
from dot_provider.api.errors import DotUsageError
from dot_provider.history.destination import dataset_name, usable_destination
from dot_provider.history.facts import compact_json
from dot_provider.history.publish import attempt, chats_in_part, noted_windows, publish, stored_chats
from dot_provider.history.source import HistorySource, opened
from dot_provider.history.stage import Stage
from dot_provider.history.tables import CONVERSATIONS, LOADS, MESSAGES, Batcher, arrow_table
from dot_provider.history.window import HistoryWindow

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadResult:
    """What a load did.

    Attributes:
        conversations: How many came.
        messages: How many came.
        cleaned_characters: Characters that no database stores (NUL, lone surrogates), replaced by U+FFFD.
        rejected: Records that could not be loaded, where the caller allowed for it.
        rejections: One sentence for each of the first twenty of those.
        window: The days that were asked for, if the caller said so.
        tables: The tables' names within their database, as the warehouse has them: ``("dot.conversations",
            "dot.messages")``, in Snowflake in capitals, in ClickHouse ``("db.dot___conversations", ...)``.
        seconds: How long it took.
        table_rows: Rows that each table holds since then, by its name, if the caller wanted to know and the warehouse
            told.
        period_rows: Rows of each of the caller's periods, by the table's name and in the periods' order.
        partial: Conversations that came without all their messages; what was stored of them is kept.
        new, changed, unchanged: Conversations that were not there before, were there otherwise, and stay as they were,
            word by word or newer; rows of the last ones are not written.
        stale: How many of the unchanged are there newer: what came says an earlier ``updated_at``.
        deleted: Conversations that did not come and were marked as deleted, if the caller asked for it.
        latest_at: When the youngest conversation that came changed last.
        unknown_fields: Fields that no column is made of, at most a hundred, and how often each came.
        unreadable: How many values came that are none of what their column holds, such as a time in words, by
            ``table.column``; they stand in ``raw`` alone. ``conversations.messages`` are entries of a conversation's
            messages that are none: no rows are made of them.
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
    partial: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0
    stale: int = 0
    latest_at: datetime | None = None
    unknown_fields: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, int] = field(default_factory=dict)


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
    max_bad_records: int = 0,
    mark_deleted: bool = False,
) -> LoadResult:
    """Load the records of an export into the tables ``conversations`` and ``messages``.

    Each conversation replaces its former self with all its messages, unless that has a newer ``updated_at``; one
    that came without all its messages, as far as its count of them tells, only adds to it. Conversations that did
    not come stay as they are. Loading the same records again changes nothing. Memory stays flat, however big the
    export is.

    Args:
        records_or_stream: The response of ``GET /export_history``: bytes, an iterable of bytes, an open binary file,
            its parsed document, or an iterable of records.
        destination: dlt's name of the warehouse, like ``"duckdb"``, ``"postgres"`` or ``"snowflake"``.
        credentials: What dlt takes for it: a URL, a path, a mapping or a credentials object, or a function that
            returns one. None leaves it to dlt's own configuration (environment variables, ``secrets.toml``).
        dataset: The schema that holds the tables; created when missing. Names are written as dlt writes them:
            ``DotHistory`` is ``dot_history``.
        window: The days that the records are of, for the result and the log.
        options: Further settings of the dlt destination, like ``{"location": "EU"}`` for BigQuery.
        count_tables: True to count both tables afterwards, for the result's ``table_rows``.
        periods: Beginnings and ends (aware, ascending, apart) whose rows are counted, for ``period_rows``.
        max_bad_records: How many records may be left out because they name no conversation or cannot be read; with
            more of them nothing is loaded.
        mark_deleted: True to set ``deleted_at`` of stored conversations that began and ended within ``window`` and did
            not come. Its first and last 14 hours do not count, because Dot's days may be those of another time zone.

    Raises:
        DotConfigError: The destination is unknown, its driver is not installed, or it cannot hold such a dataset.
        DotUsageError: The dataset is empty or too long, or ``mark_deleted`` comes without a window.
        DotProtocolError: The export is cut, is no JSON, holds no conversations, or too many bad records. Nothing was
            loaded.
        HistoryLoadError: The warehouse failed; its tables hold their last complete state.
    """
    mark_deleted = checked_flag("mark_deleted", mark_deleted)
    if mark_deleted and window is None:
        raise DotUsageError("mark_deleted needs the window of days that the records are of.")
    schema = dataset_name(dataset)
    if schema != dataset:
        logger.info("The dataset %r is the schema %s in the warehouse.", dataset, schema)
    found = credentials() if callable(credentials) else credentials
    place = usable_destination(destination, found, schema, options)
    started = time.monotonic()
    with (
        opened(records_or_stream) as document,
        closing(Stage(document, max_bad_records)) as stage,
        _without_collector(),
    ):
        batcher = Batcher(periods)
        published = attempt(
            lambda warehouse: publish(
                warehouse,
                chain(
                    batcher.batches(stage.conversations(partial(stored_chats, warehouse), chats_in_part(warehouse))),
                    _noted(stage, batcher, window, mark_deleted),
                ),
                mark_deleted=mark_deleted,
                count=count_tables,
            ),
            place,
            schema,
        )
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
        partial=stage.partial,
        latest_at=_datetime(batcher.latest_at),
        unknown_fields=dict(stage.unknown_fields),
        unreadable=dict(stage.unreadable.counts),
        **published.counts._asdict(),
    )
    _report(result)
    stage.unreadable.warn(logger)
    return result


def loaded_windows(
    *, destination: str, credentials: Any = None, dataset: str = "dot", options: Mapping[str, Any] | None = None
) -> list[tuple[date, date, datetime]]:
    """Return the first and the end day of each load that noted its window in ``_dot_loads``, and when it began.

    Args:
        destination, credentials, dataset, options: As for `load_history`. Tables that are not there are made.

    Raises:
        DotError: As `load_history` raises it.
    """
    schema = dataset_name(dataset)
    found = attempt(noted_windows, usable_destination(destination, credentials, schema, options), schema)
    times = ([datetime.fromisoformat(str(value)) for value in row] for row in found)
    utc = ([t.astimezone(timezone.utc) if t.tzinfo else t.replace(tzinfo=timezone.utc) for t in row] for row in times)
    return [(start.date(), end.date(), loaded_at) for start, end, loaded_at in utc]


_OTHER_ZONES = timedelta(hours=14)


def _noted(
    stage: Stage, batcher: Batcher, window: HistoryWindow | None, mark_deleted: bool
) -> Iterator[tuple[str, Any]]:
    """Yield the row of ``_dot_loads``, as far as it is known before the rows are published."""
    row: dict[str, Any] = {
        "loaded_at": batcher.loaded_at,
        "latest_at": batcher.latest_at,
        **batcher.rows,
        "partial_conversations": stage.partial,
        "rejected_records": stage.rejected,
        "cleaned_characters": stage.cleaned_characters,
        "unreadable": compact_json(stage.unreadable.counts),
        "digest": stage.digest,
        "version": __version__,
    }
    if window is not None:
        start, end = (datetime.combine(day, datetime_time(), timezone.utc) for day in (window.start, window.end))
        row |= {"window_start": start, "window_end": end}
        if mark_deleted:
            row |= {"complete_from": start + _OTHER_ZONES, "complete_until": end - _OTHER_ZONES}
    yield LOADS, arrow_table(LOADS, [row])


def _datetime(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds / 1e6, timezone.utc)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the garbage collector, which looks for cycles where there are none, at a fifth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _report(result: LoadResult) -> None:
    days = f" of {result.window}" if result.window else ""
    logger.info(
        "Loaded %d conversations (%d new, %d changed) with %d messages%s into %s.",
        result.conversations,
        result.new,
        result.changed,
        result.messages,
        days,
        " and ".join(result.tables),
    )
    if result.stale:
        logger.warning(
            "%d conversations are newer in the warehouse than as they came, by updated_at: they stay.", result.stale
        )
    if result.partial:
        logger.warning(
            "%d conversations came without all their messages: what was stored of them is kept.", result.partial
        )
    if result.unknown_fields:
        logger.info("Only in raw: %s.", ", ".join(f"{name} ({n})" for name, n in result.unknown_fields.items()))
    for sentence in result.rejections:
        logger.warning("Not loaded: %s.", sentence)
