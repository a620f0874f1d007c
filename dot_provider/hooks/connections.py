"""Finding and reading an Airflow connection, with a sentence that says what to do where that fails."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from dot_provider._airflow import AirflowNotFoundException, BaseHook
from dot_provider.api.errors import DotConfigError

if TYPE_CHECKING:
    from airflow.sdk import Connection


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


def read_extra(connection: Connection) -> dict[str, Any]:
    """Return the parsed extra of a connection.

    Raises:
        DotConfigError: it is no JSON object. Airflow takes it for an empty one, without the environment in it.
    """
    try:
        readable = isinstance(json.loads(connection.extra or "{}"), dict)
    except ValueError:
        readable = False
    if not readable:
        raise DotConfigError(f"Connection {connection.conn_id!r}: the extra is no JSON object; correct or empty it.")
    return connection.extra_dejson


def no_connection(conn_id: str, field: str, kind: str) -> DotConfigError:
    """Return the error for a connection that Airflow does not have, or cannot read, which it says in the same way."""
    variable = f"AIRFLOW_CONN_{conn_id}".upper()
    if os.environ.get(variable):
        return DotConfigError(
            f"Airflow cannot read the connection {conn_id!r} from {variable}: its value must be a JSON object with a "
            "connection's fields, or a URI in which special characters are percent-encoded."
        )
    return DotConfigError(f"Airflow has no connection {conn_id!r}: create it with {kind}, or set {field} to one.")
