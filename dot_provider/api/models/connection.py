"""Connections of Dot to warehouses, dbt and BI tools, and the tables behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dot_provider.api.models.records import Record, text_of

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
