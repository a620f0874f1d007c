"""Connections: list them, their tables, and sync them after dbt has run."""

from __future__ import annotations

import re

from dot_provider.api.call import Call
from dot_provider.api.calls.arguments import Seconds, checked_seconds
from dot_provider.api.models.connection import KNOWN_CONNECTION_TYPES, Connection, SyncResult, Table
from dot_provider.api.models.records import records_in
from dot_provider.api.paths import api_path

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
        url_auth=True,
        event=f"Synced {connection_type}/{connection_id}{'' if known else ' (a type that is new to this package)'}",
    )


def connections() -> Call[list[Connection]]:
    """List the workspace's connections. ``GET /connections``."""
    return Call(
        "list connections",
        "GET",
        api_path("connections"),
        lambda document: [Connection.from_record(r) for r in records_in(document, "connections")],
    )


def tables() -> Call[list[Table]]:
    """List the tables that Dot knows. ``GET /tables``."""
    return Call(
        "list tables",
        "GET",
        api_path("tables"),
        lambda document: [Table.from_record(r) for r in records_in(document, "tables")],
    )
