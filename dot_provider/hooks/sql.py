"""The database behind an Airflow connection, for queries: whatever hook of the common SQL provider it has."""

from __future__ import annotations

from typing import Any

from dot_provider.api.errors import DotConfigError
from dot_provider.history.connection_fields import ConnectionFields
from dot_provider.history.connections import translated
from dot_provider.hooks.connections import find_connection
from dot_provider.hooks.warehouse import fields_of


def sql_connection(conn_id: str) -> Any:
    """Open the connection of the DB-API behind an Airflow connection.

    One of type ``duckdb``, to a file or in the form that means MotherDuck, needs no hook: a file is opened for reading.

    Raises:
        DotConfigError: there is no such connection, its provider is not installed, or its hook runs no SQL.
    """
    conn = find_connection(conn_id, "sql_conn_id", "your warehouse's type")
    if conn.conn_type in ("duckdb", "motherduck"):
        return _duckdb(fields_of(conn))
    try:
        hook = conn.get_hook()  # type: ignore[no-untyped-call, unused-ignore]
    except Exception as error:  # an unknown type, or a provider that is not installed
        raise DotConfigError(
            f"Connection {conn_id!r} of type {conn.conn_type!r} has no hook: {error}. Install the provider of that "
            "type, such as apache-airflow-providers-postgres for 'postgres'."
        ) from None
    if not hasattr(hook, "get_records"):
        raise DotConfigError(
            f"Connection {conn_id!r} is of type {conn.conn_type!r}, whose {type(hook).__name__} runs no SQL: set "
            "sql_conn_id, or the question's conn_id, to a database."
        )
    return hook.get_conn()


def _duckdb(c: ConnectionFields) -> Any:
    import duckdb

    c.replace("read_only")  # of no matter to who only reads
    found = translated(c)
    known = found.credentials if isinstance(found.credentials, dict) else {"database": found.credentials}
    config = {**known.get("global_config", {}), **known.get("query", {})}
    if found.destination == "motherduck":
        opened = duckdb.connect(f"md:{known['database']}", config={**config, "motherduck_token": known["password"]})
    else:
        opened = duckdb.connect(known["database"], read_only=True, config=config)
    for extension in known.get("extensions", ()):
        opened.install_extension(extension)
        opened.load_extension(extension)
    return opened
