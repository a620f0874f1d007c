"""Finding and reading an Airflow connection, with a sentence that says what to do where that fails."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from dot_provider.api.errors import DotConfigError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


def find_connection(conn_id: str, field: str, kind: str) -> Connection:
    """Return the connection.

    Args:
        conn_id: its id.
        field: the operator's argument that names it.
        kind: what type it should have, in words.

    Raises:
        DotConfigError: there is none, or Airflow cannot read it.
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        pass
    raise no_connection(conn_id, field, kind)


async def find_async_connection(conn_id: str, field: str, kind: str) -> Connection:
    """Return the same as ``find_connection`` without blocking the event loop."""
    from airflow.providers.common.compat.connection import get_async_connection

    try:
        return await get_async_connection(conn_id)
    except AirflowNotFoundException:
        pass
    raise no_connection(conn_id, field, kind)


def read_extra(connection: Connection) -> dict[str, Any]:
    """Return the parsed extra of a connection.

    Raises:
        DotConfigError: it is no JSON object. Airflow takes it for an empty one, without the environment in it.
    """
    _check_extra(connection)
    return connection.extra_dejson


async def read_async_extra(connection: Connection) -> dict[str, Any]:
    """Return the same as ``read_extra`` without blocking the event loop."""
    _check_extra(connection)
    try:
        from airflow.providers.common.compat.connection import get_async_extra_dejson
    except ImportError:  # common.compat before 1.21, which is the newest for Python 3.10
        return await asyncio.to_thread(lambda: connection.extra_dejson)
    return await get_async_extra_dejson(connection)


def no_connection(conn_id: str, field: str, kind: str) -> DotConfigError:
    """Return the error for a connection that Airflow does not have, or cannot read, which it says in the same way."""
    variable = f"AIRFLOW_CONN_{conn_id}".upper()
    if os.environ.get(variable):
        return DotConfigError(
            f"Airflow cannot read the connection {conn_id!r} from {variable}: its value must be a JSON object with a "
            "connection's fields, or a URI in which special characters are percent-encoded."
        )
    return DotConfigError(f"Airflow has no connection {conn_id!r}: create it with {kind}, or set {field} to one.")


def _check_extra(connection: Connection) -> None:
    try:
        readable = isinstance(json.loads(connection.extra or "{}"), dict)
    except ValueError:
        readable = False
    if not readable:
        raise DotConfigError(f"Connection {connection.conn_id!r}: the extra is no JSON object; correct or empty it.")
