"""Finding an Airflow connection, with a sentence that says what to do where there is none."""

from __future__ import annotations

import asyncio
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
        DotConfigError: there is none.
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


async def read_extra(connection: Connection) -> dict[str, Any]:
    """Return the parsed extra of a connection without blocking the event loop."""
    try:
        from airflow.providers.common.compat.connection import get_async_extra_dejson
    except ImportError:  # common.compat before 1.21, which is the newest for Python 3.10
        return await asyncio.to_thread(lambda: connection.extra_dejson)
    return await get_async_extra_dejson(connection)


def no_connection(conn_id: str, field: str, kind: str) -> DotConfigError:
    """Return the error for a connection that Airflow does not have."""
    return DotConfigError(f"Airflow has no connection {conn_id!r}: create it with {kind}, or set {field} to one.")
