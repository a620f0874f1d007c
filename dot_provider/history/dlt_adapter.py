"""All that is touched of dlt's inside: an open warehouse, with its tables made, and rows staged in it.

dlt knows how to sign in to a dozen warehouses, what their types and names are, and how rows get into each. DuckDB and
PostgreSQL take the rows from us directly (`dot_provider.history.fast_staging`); every other one gets them by dlt, in a
schema that belongs to this attempt alone. The versions of dlt that were read for this are in pyproject.toml.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotConfigError
from dot_provider.history.staging_cleanup import drop_schemas, staging_name
from dot_provider.history.tables import COMMENTS, HISTORY, REQUIRED, Layout, arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

Batches = Iterable[tuple[str, "pa.Table"]]

# dlt reads these when it is first imported: no usage statistics, no log lines (its exceptions say enough, and its
# warnings can hold rows), no look into Airflow's variables. A choice that somebody made explicitly stands.
_QUIET = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
    # Batches are bounded by their size already; collecting more of them before they are written would not be.
    "DOT_HISTORY__DATA_WRITER__BUFFER_MAX_ITEMS": "1",
    # The files live for a moment, on this machine: packing them takes longer than all the rest.
    "DOT_HISTORY__NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}
_set_here: list[str] = []
_users, _guard = 0, threading.Lock()
_publishing = threading.Lock()


@contextlib.contextmanager
def quiet_dlt() -> Iterator[Any]:
    """Give dlt with settings that keep it quiet, as environment variables, which are gone with the last load."""
    global _users
    with _guard:
        _set_here.extend(setting for setting in _QUIET if setting not in os.environ)
        os.environ.update({setting: _QUIET[setting] for setting in _set_here})
        _users += 1
    try:
        import dlt

        yield dlt
    finally:
        with _guard:
            _users -= 1
            while _set_here and not _users:
                os.environ.pop(_set_here.pop(), None)


class Warehouse:
    """A warehouse, once it is opened.

    Attributes:
        columns_added: Whether the tables were there, but not with all columns.

    Args:
        destination: dlt's name of the warehouse.
        credentials: dlt's credentials for it.
        options: Further settings of the dlt destination.
        dataset: The schema that holds the tables.
        folder: A directory of this attempt alone, for dlt's working files.
        layout: The tables.
    """

    def __init__(
        self,
        destination: str,
        credentials: Any,
        options: Mapping[str, Any],
        dataset: str,
        folder: Path,
        layout: Layout = HISTORY,
    ) -> None:
        self.layout = layout
        self._destination, self._credentials, self._options = destination, credentials, options
        self._dataset, self._folder = dataset, folder
        self._open = contextlib.ExitStack()
        self._staging: Any = None
        self._locked = False
        self.columns_added = False

    def open(self) -> Warehouse:
        """Connect, and return itself."""
        with contextlib.ExitStack() as opening:
            self._dlt = opening.enter_context(quiet_dlt())
            final = self._pipeline("final", self._dataset)
            opening.callback(_deactivate, final)
            opening.callback(self._drop_staging)  # once the client is gone, which may hold its file
            final.extract(
                dlt_source_of(
                    lambda: ((table, arrow_schema(table).empty_table()) for table in self.layout.columns), self.layout
                )
            )
            self._client = opening.enter_context(final.destination_client())
            self.sql = self._client.sql_client
            self._open = opening.pop_all()
        return self

    def close(self) -> None:
        """Drop what was staged, disconnect, and let the next load publish."""
        self._open.close()

    def lock(self) -> None:
        """Let no other load read or change what is stored until this one is done, as far as the two can know."""
        if not self._locked:
            _publishing.acquire()
            self._open.callback(_publishing.release)
            self._locked = True

    def makes_room(self, error: BaseException) -> bool:
        """Take more memory where ``error`` says that it was too little, and return whether trying again can help."""
        return False

    def run(self, statement: str, *values: Any) -> list[Any]:
        """Execute a statement and return its rows."""
        return list(self.sql.execute_sql(statement, *values) or ())

    def transaction(self) -> contextlib.AbstractContextManager[Any]:
        """Begin a transaction where the warehouse has such over several statements."""
        # dlt says False where there are none, and often nothing where there are.
        has = self._client.capabilities.supports_transactions is not False
        begun: contextlib.AbstractContextManager[Any] = (
            self.sql.begin_transaction() if has else contextlib.nullcontext()
        )
        return begun

    def name(self, table: str) -> str:
        """Return the name of a table as SQL has it."""
        return str(self.sql.make_qualified_table_name(table))

    def staged(self, table: str) -> str:
        """Return the name of the table that the rows are staged in."""
        with self.sql.with_alternative_dataset_name(self._staged_dataset):
            return self.name(table)

    def column(self, name: str) -> str:
        """Return the name of a column as SQL has it."""
        return str(self.sql.escape_column_name(name))

    def shown(self, table: str) -> str:
        """Return the name of a table within its database, for people."""
        return ".".join(self.sql.make_qualified_table_name_path(table, quote=False)[-2:])

    def create_tables(self) -> None:
        """Make the tables, or the columns that they lack.

        Raises:
            DotConfigError: One of that name is there, and somebody else's.
        """
        self._client.initialize_storage()
        tables = self.layout.columns
        found = {table: set(map(str.lower, names)) for table, names in self._client.get_storage_tables(list(tables))}
        wanted = {table: {self._plain(column) for column in columns} for table, columns in tables.items()}
        lacking = [table for table in tables if wanted[table] - found[table]]
        for table in lacking:
            if found[table] and 3 * len(found[table] & wanted[table]) < len(wanted[table]):
                raise DotConfigError(
                    f"The table {self.shown(table)} is there and none of Dot's (it lacks most of its columns): "
                    "give another dataset, or rename that table."
                )
        if lacking and any(found.values()):
            # Somebody dropped a table or a column that dlt remembers as made, or an older version made them.
            self.columns_added = any(found[table] for table in lacking if table in self.layout.tables)
            self._client.drop_tables(delete_schema=True)
        self._client.update_stored_schema()

    def stage(self, batches: Batches) -> str:
        """Bring rows into the warehouse, apart from the tables, and return the id of the load."""
        self._staging = staging = self._pipeline("staging", staging_name(self._dataset))
        staging.extract(dlt_source_of(lambda: batches, self.layout))
        staging.normalize()
        load_id = staging.load().loads_ids[0]
        with staging.sql_client() as sql:
            self._staged_dataset = sql.dataset_name
        return str(load_id)

    def complete(self, load_id: str) -> None:
        """Note the load where users of dlt look for it."""
        self._client.complete_load(load_id)

    def _plain(self, column: str) -> str:
        return str(self.sql.escape_column_name(column, quote=False)).lower()

    def _pipeline(self, name: str, schema: str) -> Any:
        from dlt.common.destination import Destination

        made = self._dlt.pipeline(
            "dot_history",
            pipelines_dir=str(self._folder / name),
            destination=Destination.from_reference(self._destination, credentials=self._credentials, **self._options),
            dataset_name=schema,
        )
        # Nothing is remembered between loads: the window comes from the caller.
        made.config.restore_from_destination = False
        return made

    def _drop_staging(self) -> None:
        if self._staging is None:
            return
        # The load's outcome is decided by now; rubbish left behind must not change it.
        with contextlib.suppress(Exception), self._staging.sql_client() as sql:
            staging = sql.dataset_name
            with contextlib.suppress(Exception):
                sql.drop_dataset()
            drop_schemas(sql, staging)
        _deactivate(self._staging)


def _deactivate(pipeline: Any) -> None:
    if pipeline.is_active:  # the one that was made last is
        pipeline.deactivate()


def new_load_id() -> str:
    """Return an id for a load, as dlt makes them."""
    return str(time.time())


def dlt_source_of(batches: Callable[[], Batches], layout: Layout, name: str = "", *, merge: bool = False) -> Any:
    """Return batches as a dlt source that appends them to their tables, or merges them on the tables' keys."""
    import dlt

    @dlt.resource(name="history")
    def rows() -> Iterator[Any]:
        for table, batch in batches():
            key = [layout.key] if table == layout.tables[0] else [layout.key, "position"]
            how: Any = {"write_disposition": "merge", "primary_key": key} if merge else {"write_disposition": "append"}
            hints = dlt.mark.make_hints(table_name=table, columns=_column_hints(table, layout), **how)
            yield dlt.mark.with_hints(batch, hints, create_table_variant=True)

    # Of the name, dlt remembers which tables there are.
    @dlt.source(name=name or ("dot" if layout is HISTORY else f"dot_{layout.tables[0]}"), max_table_nesting=0)
    def history() -> Any:
        return rows

    return history()


def _column_hints(table: str, layout: Layout) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: {"data_type": kind, "nullable": name not in REQUIRED, "description": COMMENTS[table][name]}
        for name, kind in layout.columns[table].items()
    }
    if table == layout.tables[0]:
        # Where the warehouse enforces it, two loads of one conversation at one moment fail instead of doubling it.
        columns[layout.key]["unique"] = True
    return columns
