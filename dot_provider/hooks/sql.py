"""The database behind an Airflow connection, for queries: whatever hook of the common SQL provider it has."""

from __future__ import annotations

from typing import Any

from dot_provider.api.errors import DotConfigError
from dot_provider.hooks.connections import find_connection, read_extra


def sql_connection(conn_id: str) -> Any:
    """Open the connection of the DB-API behind an Airflow connection.

    A connection of type ``duckdb``, whose host is the file, needs no hook: it is opened for reading.

    Raises:
        DotConfigError: there is no such connection, its provider is not installed, or its hook runs no SQL.
    """
    conn = find_connection(conn_id, "sql_conn_id", "your warehouse's type")
    if conn.conn_type == "duckdb":
        import duckdb

        return duckdb.connect(str(read_extra(conn).get("database") or conn.host), read_only=True)
    try:
        hook = conn.get_hook()  # type: ignore[no-untyped-call, unused-ignore]
    except Exception as error:  # an unknown type, or a provider that is not installed
        raise DotConfigError(f"Connection {conn_id!r} of type {conn.conn_type!r} has no hook: {error}") from None
    if not hasattr(hook, "get_records"):
        raise DotConfigError(
            f"Connection {conn_id!r} is of type {conn.conn_type!r}, whose {type(hook).__name__} runs no SQL: set "
            "sql_conn_id, or the question's conn_id, to a database."
        )
    return hook.get_conn()
