"""From batches of rows to the two tables of the warehouse, without a moment in which they are half done.

Rows are staged first, apart from the tables. A few SQL statements in one transaction then leave out the conversations
that stand there already, word by word, and replace the others with all their messages, so a conversation that lost
messages has lost them here too. dlt's own merge would not do: it commits each table by itself, keeps the messages of a
conversation that came without any, and shares one staging schema among all loads, where loads at the same time mix.

What holds, by warehouse: with transactions over several statements (Postgres, DuckDB, MotherDuck, Snowflake, BigQuery,
Redshift, SQL Server, Synapse) readers see both tables before or after, never between. Without (Databricks, ClickHouse,
Athena) a crash within the statements leaves the conversations of this load incomplete until it is run again. Either way
the same load twice ends in the same rows. Loads at the same moment publish one after another in Postgres, on whatever
machine they run, and within one process everywhere (a DuckDB file has one); elsewhere let overlapping windows run one
by one.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dot_provider.history.destination import SQLITE_SCHEMA, WarehouseDestination
from dot_provider.history.dlt_adapter import Batches, Warehouse
from dot_provider.history.fast_staging import WAREHOUSES
from dot_provider.history.load_errors import HistoryLoadError, explain, is_conflict
from dot_provider.history.rows import PARTIAL, UNDATED
from dot_provider.history.staging_cleanup import FOLDER, check_age, remove_folders
from dot_provider.history.tables import CONVERSATIONS, HISTORY, LOADS, MESSAGES, Layout

T = TypeVar("T")

_PATIENCE = 60
"""Seconds for which a step that conflicts with another load is tried again."""


class Counts(NamedTuple):
    """How many conversations were not there before, were there otherwise, stay as they were, did not come again, and
    stay because what came was older.
    """

    new: int
    changed: int
    unchanged: int
    deleted: int
    stale: int


class Published(NamedTuple):
    """The names of both tables as the warehouse has them, what became of the conversations, and the tables' rows."""

    tables: tuple[str, str]
    counts: Counts
    rows: Mapping[str, int] | None


def attempt(work: Callable[[Warehouse], T], place: WarehouseDestination, schema: str, layout: Layout = HISTORY) -> T:
    """Open a warehouse, make its tables, and work in it; what goes wrong becomes our error.

    Args:
        work: What to do, such as `publish`.
        place: As `usable_destination` returns it.
        schema: Where the tables are, as `dataset_name` returns it.
        layout: The tables.

    Raises:
        DotError: As `load_history` raises it.
    """
    remove_folders()
    with tempfile.TemporaryDirectory(prefix=FOLDER, ignore_cleanup_errors=True) as folder:
        dataset = SQLITE_SCHEMA if place.is_sqlite else schema
        kind = WAREHOUSES.get(place.destination, Warehouse)
        made = kind(place.destination, place.credentials, place.options, dataset, Path(folder), layout)
        try:
            with closing(_patiently(made.open)) as warehouse:
                _patiently(warehouse.create_tables)
                return work(warehouse)
        except Exception as error:
            failure = explain(error, place.destination, place.credentials)
    # Raised outside of the handler: dlt's exceptions hold SQL and settings, and must not travel along.
    raise failure


def publish(warehouse: Warehouse, batches: Batches, *, mark_deleted: bool = False, count: bool = False) -> Published:
    """Load batches of the tables, each conversation at most once among them, and one row of ``_dot_loads``.

    Args:
        warehouse: An open one.
        batches: Pairs of table name and Arrow table; an exception raised there leaves the warehouse as it is.
        mark_deleted: Whether to mark what did not come of the time that the row of ``_dot_loads`` says is complete.
        count: Whether to count the rows; None stands for them otherwise, and where the warehouse does not tell.
    """
    started = time.monotonic()
    load_id = warehouse.stage(batches)
    check_age(started)
    warehouse.lock()
    counts = _patiently(lambda: _replace(warehouse, load_id, mark_deleted, started), warehouse.makes_room)
    first, second = warehouse.layout.tables
    tables = warehouse.shown(first), warehouse.shown(second)
    return Published(tables, counts, _counted(warehouse) if count else None)


def noted_windows(warehouse: Warehouse) -> list[Any]:
    """Return the window of each load in ``_dot_loads``, and when it began."""
    start, end, at = map(warehouse.column, ("window_start", "window_end", "loaded_at"))
    return warehouse.run(f"SELECT {start}, {end}, {at} FROM {warehouse.name(LOADS)} WHERE {start} IS NOT NULL")  # noqa: S608


def chats_in_part(warehouse: Warehouse) -> Iterator[str]:
    """Yield the ids of stored conversations that lack messages, as far as they say when they changed last."""
    chat_id, digest = map(warehouse.column, ("chat_id", "digest"))
    stored = warehouse.name(CONVERSATIONS)
    for (key,) in warehouse.run(f"SELECT {chat_id} FROM {stored} WHERE {_in_part(digest)}"):  # noqa: S608
        yield key


def _in_part(digest: str) -> str:
    return f"{digest} >= '{PARTIAL}' AND {digest} < '{UNDATED}'"


def stored_chats(warehouse: Warehouse, chat_ids: Sequence[str]) -> dict[str, tuple[str, str, list[str]]]:
    """Return what stands in the tables of some conversations: digest and record, and the records of the messages."""
    warehouse.lock()
    chat_id, digest, raw, position = map(warehouse.column, ("chat_id", "digest", "raw", "position"))
    condition = f"WHERE {chat_id} IN ({', '.join(['%s'] * len(chat_ids))})"
    chats = f"SELECT {chat_id}, {digest}, {raw} FROM {warehouse.name(CONVERSATIONS)} {condition}"  # noqa: S608

    def rows(statement: str) -> list[Any]:
        return _patiently(lambda: warehouse.run(statement, *chat_ids), warehouse.makes_room)

    found = {key: (mark or "", text, list[str]()) for key, mark, text in rows(chats)}
    messages = f"SELECT {chat_id}, {raw} FROM {warehouse.name(MESSAGES)} {condition} ORDER BY {chat_id}, {position}"  # noqa: S608
    for key, text in rows(messages) if found else ():
        if key in found:
            found[key][2].append(text)
    return found


def _patiently(step: Callable[[], T], makes_room: Callable[[BaseException], bool] = lambda error: False) -> T:
    # Postgres lets a load wait for the other's commit and then refuses it, once. DuckDB refuses at once, for as long as
    # the other's transaction is open: hence the pauses, which differ so that two loads do not meet again.
    until = time.monotonic() + _PATIENCE
    pause = 0.05
    while True:
        try:
            return step()
        except Exception as error:
            if makes_room(error):
                continue
            left = until - time.monotonic()
            if left <= 0 or not is_conflict(error):
                raise
        time.sleep(min(left, pause * secrets.SystemRandom().uniform(0.5, 1)))
        pause = min(2 * pause, 2)


def _replace(warehouse: Warehouse, load_id: str, mark_deleted: bool, started: float) -> Counts:
    layout = warehouse.layout
    key, first = warehouse.column(layout.key), layout.tables[0]
    arrived = f"SELECT {key} FROM {warehouse.staged(first)}"  # noqa: S608

    def number(rows: str) -> int:
        return int(warehouse.run(f"SELECT COUNT(*) FROM {rows}")[0][0])  # noqa: S608

    with warehouse.transaction():
        came, deleted, stale = number(warehouse.staged(first)), 0, 0
        if mark_deleted:
            loaded_at, missing = _missing(warehouse, arrived)
            deleted = number(f"{warehouse.name(first)} WHERE {missing}")
            column = warehouse.column("deleted_at")
            warehouse.run(f"UPDATE {warehouse.name(first)} SET {column} = {loaded_at} WHERE {missing}")  # noqa: S608
        if layout is HISTORY:
            stale = _forget_stale(warehouse, number)
            if not warehouse.columns_added:
                warehouse.run(_forget_unchanged(warehouse))
        different = number(warehouse.staged(first))
        changed = number(f"{warehouse.name(first)} WHERE {key} IN ({arrived})")
        counts = Counts(different - changed, changed, came - different, deleted, stale)
        # Conversations first: a load that waits here for another one's commit then sees, and deletes, its messages.
        for table in layout.tables if different else ():
            warehouse.run(f"DELETE FROM {warehouse.name(table)} WHERE {key} IN ({arrived})")  # noqa: S608
        for table in layout.tables if different else ():
            columns = ", ".join(warehouse.column(column) for column in layout.columns[table])
            warehouse.run(
                f"INSERT INTO {warehouse.name(table)} ({columns}) SELECT {columns} FROM {warehouse.staged(table)} "  # noqa: S608
                f"WHERE {key} IN ({arrived})"
            )
        if layout is HISTORY:
            warehouse.run(_noted(warehouse, load_id, counts, time.monotonic() - started))
        warehouse.complete(load_id)
    return counts


def _missing(warehouse: Warehouse, arrived: str) -> tuple[str, str]:
    """Return the time of this load, and the condition on conversations that it should have brought and did not."""

    def of_load(column: str) -> str:
        return f"(SELECT {warehouse.column(column)} FROM {warehouse.staged(LOADS)})"  # noqa: S608

    names = ("chat_id", "created_at", "updated_at", "deleted_at")
    key, created, updated, deleted = (warehouse.column(name) for name in names)
    return of_load("loaded_at"), (
        f"{deleted} IS NULL AND {created} >= {of_load('complete_from')} AND {key} NOT IN ({arrived}) "
        f"AND COALESCE({updated}, {created}) < {of_load('complete_until')}"
    )


def _noted(warehouse: Warehouse, load_id: str, counts: Counts, seconds: float) -> str:
    """Return what adds the load to ``_dot_loads``, with what is known by now."""
    known = {f"{name}_conversations": str(number) for name, number in counts._asdict().items()}
    known |= {"load_id": f"'{load_id}'", "seconds": f"{seconds:.3f}"}
    values = ", ".join(known.get(name, warehouse.column(name)) for name in HISTORY.columns[LOADS])
    columns = ", ".join(warehouse.column(name) for name in HISTORY.columns[LOADS])
    return f"INSERT INTO {warehouse.name(LOADS)} ({columns}) SELECT {values} FROM {warehouse.staged(LOADS)}"  # noqa: S608


def _forget_stale(warehouse: Warehouse, number: Callable[[str], int]) -> int:
    """Remove from the staged conversations those that stand in the tables in a newer state, and return how many."""
    key, digest, updated = map(warehouse.column, ("chat_id", "digest", "updated_at"))
    staged, conversations = warehouse.staged(CONVERSATIONS), warehouse.name(CONVERSATIONS)

    def older(condition: str) -> str:
        return (
            f"{staged} WHERE {key} IN (SELECT {key} FROM (SELECT s.{key} FROM {staged} s JOIN {conversations} c "  # noqa: S608
            f"ON c.{key} = s.{key} AND c.{updated} > s.{updated} WHERE {condition}) older)"
        )

    if number(older(f"s.{digest} < '{PARTIAL}' AND {_in_part(f'c.{digest}')}")):
        raise HistoryLoadError("Another load stored parts of the same conversations meanwhile, so this one was undone.")
    stale = older(f"s.{digest} < '{UNDATED}' AND c.{digest} < '{PARTIAL}'")
    if found := number(stale):
        warehouse.run(f"DELETE FROM {stale}")  # noqa: S608
    return found


def _forget_unchanged(warehouse: Warehouse) -> str:
    """Return what removes from the staged conversations those that stand in the tables with all their messages."""
    key, digest, deleted = (warehouse.column(name) for name in ("chat_id", "digest", "deleted_at"))
    staged, conversations = warehouse.staged(CONVERSATIONS), warehouse.name(CONVERSATIONS)

    def counted(messages: str) -> str:
        arrived = f"SELECT {key} FROM {staged}"  # noqa: S608
        return f"(SELECT {key}, COUNT(*) AS n FROM {messages} WHERE {key} IN ({arrived}) GROUP BY {key})"  # noqa: S608

    return (
        f"DELETE FROM {staged} WHERE {key} IN (SELECT {key} FROM (SELECT s.{key} FROM {staged} s "  # noqa: S608
        f"JOIN {conversations} c ON c.{key} = s.{key} AND c.{digest} = s.{digest} AND c.{deleted} IS NULL "
        f"LEFT JOIN {counted(warehouse.staged(MESSAGES))} a ON a.{key} = s.{key} "
        f"LEFT JOIN {counted(warehouse.name(MESSAGES))} b ON b.{key} = s.{key} "
        "WHERE COALESCE(a.n, 0) = COALESCE(b.n, 0)) same)"
    )


def _counted(warehouse: Warehouse) -> dict[str, int] | None:
    try:
        tables = warehouse.layout.tables
        rows = [warehouse.run(f"SELECT COUNT(*) FROM {warehouse.name(table)}") for table in tables]  # noqa: S608
        return {table: int(found[0][0]) for table, found in zip(tables, rows, strict=True)}
    except Exception:
        # The rows are committed; that nobody could count them is no failure of the load.
        return None
