"""An Airflow connection as a client of Dot."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dot_provider._airflow import BaseHook
from dot_provider.api.errors import DotConfigError, DotError
from dot_provider.hooks.connections import find_connection, read_extra

if TYPE_CHECKING:
    from dot_provider.api.client import AsyncDotClient, DotClient
    from dot_provider.api.settings import Server


class DotHook(BaseHook):
    """Turns an Airflow connection of type ``dot`` into a client with a method for every endpoint of Dot.

    Args:
        dot_conn_id: id of the connection.
        environment: id of a Dot environment to work in, instead of the connection's own.

    Example:
        >>> from dot_provider.hooks import DotHook
        >>> DotHook("dot_default").get_conn().whoami().email
    """

    conn_name_attr = "dot_conn_id"
    default_conn_name = "dot_default"
    conn_type = "dot"
    hook_name = "Dot"

    def __init__(self, dot_conn_id: str = default_conn_name, environment: str | None = None) -> None:
        super().__init__()
        self.dot_conn_id = dot_conn_id
        self.environment = environment

    def get_conn(self) -> DotClient:
        """Return the client, the same one on every call.

        Raises:
            DotConfigError: there is no such connection, or a field of it is wrong.
        """
        return self._client

    async def get_async_conn(self) -> AsyncDotClient:
        """Return a client for the running event loop; the caller closes it (``async with``).

        Raises:
            DotConfigError: there is no such connection, or a field of it is wrong.
        """
        from dot_provider.api.client import AsyncDotClient

        return AsyncDotClient.for_server(await self.get_async_server())

    def get_server(self) -> Server:
        """Return where the connection points to and as whom, checked, without sending anything.

        Raises:
            DotConfigError: there is no such connection, or a field of it is wrong.
        """
        from dot_provider.hooks.connection import server_of

        # A template that renders to nothing must not fall back to production.
        if self.environment is not None and not str(self.environment).strip():
            raise DotConfigError("environment is empty: give the id of a Dot environment, or leave it out.")
        connection = find_connection(self.dot_conn_id, "dot_conn_id", "type Dot")
        # Another system's password must not travel to Dot, nor Dot's work be done in the name of a wrong connection.
        if connection.conn_type not in (self.conn_type, None, ""):
            raise DotConfigError(
                f"Connection {self.dot_conn_id!r} is of type {connection.conn_type!r}: set dot_conn_id to one of type "
                "'dot'."
            )
        return server_of(connection, read_extra(connection), self.environment)

    async def get_async_server(self) -> Server:
        """Return the same as ``get_server`` without blocking the event loop."""
        from asgiref.sync import sync_to_async

        # Each Airflow's triggerer can be asked from a thread of asgiref's. Coroutines for this came with 3.1, and those
        # before 3.3.2 can raise DeadlockImminentError.
        return await sync_to_async(self.get_server)()

    def test_connection(self) -> tuple[bool, str]:
        """Say whether Dot accepts the connection, who its token belongs to and with which role, or what is wrong."""
        try:
            user = self.get_conn().whoami()
        except DotError as error:
            return False, str(error)
        whose = f"{user.name} ({user.email})" if user.name and user.email else user.email or user.name or "unknown"
        environment = self.get_conn().server.environment
        where = f", environment {environment}" if environment else ""
        return True, f"Dot accepts the token. It belongs to {whose}, role {user.role or 'unknown'}{where}."

    @cached_property
    def _client(self) -> DotClient:
        from dot_provider.api.client import DotClient

        return DotClient.for_server(self.get_server())
