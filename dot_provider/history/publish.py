"""From Arrow batches to the two tables of the warehouse, without a moment in which they are half done.

dlt carries the rows, in the format that suits the warehouse, into a schema that belongs to this attempt alone, and
creates or widens the final tables. Four SQL statements in one transaction then replace the conversations that came,
with all their messages, so a conversation that lost messages has lost them here too. dlt's own merge would not do: it
commits each table by itself, keeps the messages of a conversation that came without any, and shares one staging schema
among all loads, where loads that run at the same time mix.

What holds, by warehouse: with transactions over several statements (Postgres, DuckDB, MotherDuck, Snowflake, BigQuery,
Redshift, SQL Server, Synapse) readers see both tables before or after, never between. Without (Databricks, ClickHouse,
Athena) a crash within the four statements leaves the conversations of this load incomplete until it is run again.
Either way the same load twice ends in the same rows. Loads of the same conversations at the same moment wait for each
other, up to a minute, where the warehouse enforces ``UNIQUE`` (Postgres) or refuses conflicting writes (DuckDB,
Snowflake, BigQuery, Redshift); elsewhere let overlapping windows run one by one.

An attempt that is killed outright leaves its schema behind; see `dot_provider.history.staging_cleanup`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dot_provider.history.load_errors import is_conflict
from dot_provider.history.staging_cleanup import check_age, drop_schemas, staging_name
from dot_provider.history.tables import COLUMNS, CONVERSATIONS, MESSAGES, REQUIRED, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

Batches = Iterable[tuple[str, "pa.Table"]]

# Where dlt's own choice for Arrow is slow: rows as SQL text instead of COPY.
_FILE_FORMATS = {"postgres": "csv"}

_PATIENCE = 60
"""Seconds for which a step that conflicts with another load is tried again."""

# dlt reads these when it is first imported: no usage statistics, no log lines (its exceptions say enough, and its
# warnings can hold rows), no look into Airflow's variables. A choice that somebody made explicitly stands.
_QUIET = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
    # Batches are bounded by their size already; collecting more of them before they are written would not be.
    "DOT_HISTORY__DATA_WRITER__BUFFER_MAX_ITEMS": "1",
}


class Published(NamedTuple):
    """The names of both tables as the warehouse has them, within their database, and the rows that they hold."""

    tables: tuple[str, str]
    rows: Mapping[str, int] | None


def quiet_dlt() -> Any:
    """Import dlt with settings that keep it quiet, and return it."""
    for setting, value in _QUIET.items():
        os.environ.setdefault(setting, value)
    import dlt

    return dlt


def publish(
    batches: Batches,
    *,
    destination: str,
    credentials: Any,
    options: Mapping[str, Any],
    dataset: str,
    folder: Path,
    count: bool = False,
) -> Published:
    """Load batches of both tables, each conversation at most once among them.

    Args:
        batches: Pairs of table name and Arrow table; an exception raised here leaves the warehouse as it is.
        destination: dlt's name of the warehouse.
        credentials: dlt's credentials for it.
        options: Further settings of the dlt destination.
        dataset: The schema that holds the tables.
        folder: A directory of this attempt alone, for dlt's working files.
        count: Whether to count the rows; None stands for them otherwise, and where the warehouse does not tell.
    """
    dlt = quiet_dlt()
    from dlt.common.destination import Destination

    started = time.monotonic()

    def pipeline(name: str, schema: str) -> Any:
        made = dlt.pipeline(
            "dot_history",
            pipelines_dir=str(folder / name),
            destination=Destination.from_reference(destination, credentials=credentials, **options),
            dataset_name=schema,
        )
        # Nothing is remembered between loads: the window comes from the caller.
        made.config.restore_from_destination = False
        return made

    final = pipeline("final", dataset)
    staging = pipeline("staging", staging_name(dataset))
    try:
        staging.extract(_source(batches), loader_file_format=_FILE_FORMATS.get(destination))
        final.extract(_source((table, arrow_schema(table).empty_table()) for table in COLUMNS))
        staging.normalize()
        try:
            load_id = staging.load().loads_ids[0]
            with final.destination_client() as target, staging.destination_client() as source:
                staged = source.sql_client.dataset_name
                check_age(started)
                _patiently(lambda: _create_tables(target))
                _patiently(lambda: _replace(target, staged, load_id))
                path = target.sql_client.make_qualified_table_name_path
                first, second = (".".join(path(table, quote=False)[-2:]) for table in (CONVERSATIONS, MESSAGES))
                return Published((first, second), _counted(target) if count else None)
        finally:
            _drop(staging)
    finally:
        staging.deactivate()


def _source(batches: Batches) -> Any:
    import dlt

    @dlt.resource(name="history")
    def rows() -> Iterator[Any]:
        for table, batch in batches:
            hints = dlt.mark.make_hints(table_name=table, write_disposition="append", columns=_hints(table))
            yield dlt.mark.with_hints(batch, hints, create_table_variant=True)

    @dlt.source(name="dot", max_table_nesting=0)
    def history() -> Any:
        return rows

    return history()


def _hints(table: str) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: {"data_type": kind, "nullable": name not in REQUIRED} for name, kind in COLUMNS[table].items()
    }
    if table == CONVERSATIONS:
        # Where the warehouse enforces it, two loads of one conversation at one moment fail instead of doubling it.
        columns["chat_id"]["unique"] = True
    return columns


def _create_tables(client: Any) -> None:
    client.initialize_storage()
    client.update_stored_schema()
    if any(not columns for _, columns in client.get_storage_tables(list(COLUMNS))):
        # Somebody dropped a table that dlt remembers as made.
        client.drop_tables(delete_schema=True)
        client.update_stored_schema()


def _patiently(step: Callable[[], None]) -> None:
    # Postgres lets a load wait for the other's commit and then refuses it, once. DuckDB refuses at once, for as long as
    # the other's transaction is open: hence the pauses, which differ so that two loads do not meet again.
    until = time.monotonic() + _PATIENCE
    pause = 0.05
    while True:
        try:
            return step()
        except Exception as error:
            left = until - time.monotonic()
            if left <= 0 or not is_conflict(error):
                raise
        time.sleep(min(left, pause * secrets.SystemRandom().uniform(0.5, 1)))
        pause = min(2 * pause, 2)


def _replace(client: Any, staging_dataset: str, load_id: str) -> None:
    sql = client.sql_client

    def name(table: str, *, staged: bool = False) -> str:
        with sql.with_alternative_dataset_name(staging_dataset if staged else sql.dataset_name):
            return str(sql.make_qualified_table_name(table))

    key = sql.escape_column_name("chat_id")
    arrived = f"SELECT {key} FROM {name(CONVERSATIONS, staged=True)}"  # noqa: S608
    # Conversations first: a load that waits here for another one's commit then sees, and deletes, that one's messages.
    statements = [f"DELETE FROM {name(t)} WHERE {key} IN ({arrived})" for t in COLUMNS]  # noqa: S608
    for table in COLUMNS:
        columns = ", ".join(sql.escape_column_name(column) for column in COLUMNS[table])
        statements.append(f"INSERT INTO {name(table)} ({columns}) SELECT {columns} FROM {name(table, staged=True)}")  # noqa: S608
    # dlt says False where there are none, and often nothing where there are.
    transactional = client.capabilities.supports_transactions is not False
    with sql.begin_transaction() if transactional else contextlib.nullcontext():
        for statement in statements:
            sql.execute_sql(statement)
        client.complete_load(load_id)


def _counted(client: Any) -> dict[str, int] | None:
    sql = client.sql_client
    try:
        rows = [sql.execute_sql(f"SELECT COUNT(*) FROM {sql.make_qualified_table_name(t)}") for t in COLUMNS]  # noqa: S608
        return {table: int(found[0][0]) for table, found in zip(COLUMNS, rows, strict=True)}
    except Exception:
        # The rows are committed; that nobody could count them is no failure of the load.
        return None


def _drop(pipeline: Any) -> None:
    # The load's outcome is decided by now; rubbish left behind must not change it.
    with contextlib.suppress(Exception), pipeline.sql_client() as sql:
        staging = sql.dataset_name
        with contextlib.suppress(Exception):
            sql.drop_dataset()
        drop_schemas(sql, staging)
