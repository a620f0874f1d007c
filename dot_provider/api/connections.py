"""Connections and what a workspace holds: tables, external assets and capabilities; syncing after dbt has run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api.arguments import Seconds, api_path, checked_seconds
from dot_provider.api.records import Record, count_of, each, list_of, record_of, text_of

KNOWN_CONNECTION_TYPES = frozenset(
    (
        *("athena", "bigquery", "clickhouse", "cube", "databricks", "dbt", "duckdb", "fabric", "firebolt", "looker"),
        *("malloy", "metabase", "motherduck", "mssql", "mysql", "oracle", "postgres", "powerbi", "qlik", "redshift"),
        *("saphana", "sigma", "snowflake", "steep", "tableau"),
    )
)
"""Types that Dot is known to have. The set is open: another one is sent all the same, with a warning."""


@dataclass(frozen=True)
class Connection:
    """A connection as ``GET /connections`` lists it."""

    id: str
    type: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Connection:
        """Read a connection from ``/connections`` or the catalog."""
        return cls(
            id=text_of(record, "id", "connection_id", "name"),
            type=text_of(record, "type", "connection_type"),
            raw=record,
        )


@dataclass(frozen=True)
class Table:
    """A table that Dot knows, as ``GET /tables`` lists it."""

    id: str
    name: str = ""
    connection_id: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Table:
        """Read a table from ``/tables`` or the catalog."""
        return cls(
            id=text_of(record, "id", "table_id", "name"),
            name=text_of(record, "name", "id"),
            connection_id=text_of(record, "connection_id", "connection"),
            raw=record,
        )


@dataclass(frozen=True)
class SyncResult:
    """What Dot answered to a sync; ``raw`` is its undocumented body."""

    connection_type: str
    connection_id: str
    raw: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Catalog:
    """The catalog, as ``GET /cli/catalog`` shows it. ``external_assets`` counts assets by type."""

    org_id: str
    capabilities: tuple[str, ...] = ()
    connections: tuple[Connection, ...] = ()
    tables: tuple[Table, ...] = ()
    external_assets: Mapping[str, int] = field(default_factory=dict)
    total_tables: int = 0
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Catalog:
        """Read the catalog; every part may be missing."""
        tables = tuple(Table.from_record(t) for t in _records(record, "tables"))
        assets = record_of(record, "external_assets")
        return cls(
            org_id=text_of(record, "org_id"),
            capabilities=tuple(str(c) for c in list_of(record, "capabilities")),
            connections=tuple(Connection.from_record(c) for c in _records(record, "connections")),
            tables=tables,
            external_assets={kind: count_of(assets, kind) for kind in assets},
            total_tables=count_of(record, "total_tables") or len(tables),
            raw=record,
        )


def _records(record: Record, name: str) -> list[Record]:
    return [value for value in list_of(record, name) if isinstance(value, Mapping)]


SYNC_TIMEOUT = 600.0
"""Seconds that one sync may take: Dot reads a whole warehouse's schema before it answers."""


def sync(connection_type: str, connection_id: str, *, timeout: Seconds | None = None) -> Call[SyncResult]:
    """Sync a connection, so that Dot answers from today's tables, models and descriptions.

    ``POST /sync/{connection_type}/{connection_id}``. A second sync does no harm, so a lost response is retried.

    Args:
        connection_type: such as ``snowflake``, ``bigquery`` or ``dbt``. The set is open; an unknown one is sent too.
        connection_id: the connection's id, as Dot's settings show it.
        timeout: seconds that Dot may take to answer one try; ten minutes, or the client's own where that is more.

    Raises:
        DotUsageError: an id is empty, or is no single path segment, or ``timeout`` is no time to wait.
    """
    path = api_path("sync", ("connection_type", connection_type), ("connection_id", connection_id))
    known = re.sub("[-_ ]", "", connection_type.lower()) in KNOWN_CONNECTION_TYPES
    return Call(
        f"sync {connection_type}/{connection_id}",
        "POST",
        path,
        lambda document: SyncResult(connection_type, connection_id, document),
        slow=SYNC_TIMEOUT,
        timeout=None if timeout is None else checked_seconds("timeout", timeout),
        auth="url",
        event=f"Synced {connection_type}/{connection_id}{'' if known else ' (a type that is new to this package)'}",
    )


def connections() -> Call[list[Connection]]:
    """List the workspace's connections. ``GET /connections``."""
    return Call("list connections", "GET", api_path("connections"), each(Connection.from_record, "connections"))


def tables() -> Call[list[Table]]:
    """List the tables that Dot knows. ``GET /tables``."""
    return Call("list tables", "GET", api_path("tables"), each(Table.from_record, "tables"))


def catalog() -> Call[Catalog]:
    """Return connections, tables and counts of external assets. ``GET /cli/catalog``."""
    return Call("read catalog", "GET", api_path("cli", "catalog"), Catalog.from_record)
