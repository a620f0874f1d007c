"""From an Airflow connection of type ``dot`` to the settings of a client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from dot_provider.api.errors import DotConfigError
from dot_provider.api.server import REGIONS, Server, checked_token, server

EXTRAS = ("region", "environment", "timeout", "key_header", "url_auth_user")
"""What the extra of a connection may hold."""

KEY_HEADERS = ("X-API-KEY", "API-KEY")
"""The headers that the token can travel in."""


class ConnectionFields(Protocol):
    """The fields of an Airflow connection that are read, in any Airflow version."""

    conn_id: str
    host: str | None
    login: str | None
    password: str | None
    port: int | None
    schema: str | None


def server_of(connection: ConnectionFields, extra: Mapping[str, Any], environment: str | None = None) -> Server:
    """Return the server that a connection describes.

    Args:
        connection: ``host`` is a region, a host name or a URL (Dot's US region when empty), ``password`` the token.
            With a ``login``, both are a user name and password, for a Dot older than API tokens.
        extra: its extra, parsed; empty values count as absent.
        environment: a Dot environment instead of the connection's own.

    Raises:
        DotConfigError: a field is missing or wrong; the message names connection and field and shows no secret.
    """
    fields = {name: value for name, value in extra.items() if value not in (None, "")}
    unknown = sorted(set(fields) - set(EXTRAS))
    try:
        if unknown:
            # A misspelt "environment" would otherwise write into production.
            raise DotConfigError(f"the extra has an unknown field {unknown[0]!r}; it may hold {', '.join(EXTRAS)}.")
        region, base_url = _place(connection, fields.get("region"))
        return server(
            **_identity(connection, fields.get("url_auth_user")),
            region=region,
            base_url=base_url,
            environment=environment or fields.get("environment"),
            timeout=_seconds(fields.get("timeout", 60)),
            token_header=_header(fields.get("key_header", "X-API-KEY")),
        )
    except DotConfigError as error:
        raise DotConfigError(f"Connection {connection.conn_id!r}: {error}") from None


def _identity(connection: ConnectionFields, url_auth_user: str | None) -> dict[str, Any]:
    if connection.login:
        return {"username": connection.login, "password": connection.password}
    token = checked_token(connection.password, "the password field (API token)")
    return {"token": token, "url_auth_user": url_auth_user}


def _place(connection: ConnectionFields, region: str | None) -> tuple[str | None, str | None]:
    """Return region and base URL; at most one of them is not None, unless both were given."""
    host = (connection.host or "").strip()
    if connection.port not in (None, 0, 443) and (not host or host.lower() in REGIONS):
        raise DotConfigError(f"port {connection.port} needs a host name or URL: the regions of Dot listen on 443.")
    if host.lower() in REGIONS:
        return (region or host.lower(), REGIONS[host.lower()]) if region else (host.lower(), None)
    if not host:
        return region, None
    scheme = connection.schema if connection.schema in ("http", "https") else "https"
    url = host if "://" in host else f"{scheme}://{host}"
    return region, _with_port(url, connection.port) if connection.port else url


def _with_port(url: str, port: int) -> str:
    named = re.search(r":(\d+)/?$", url)
    if named is None:
        return f"{url.rstrip('/')}:{port}"
    if int(named[1]) != port:
        raise DotConfigError(f"host and port disagree ({named[1]} and {port}): keep one of them.")
    return url


def _header(value: Any) -> str:
    if str(value).upper() not in KEY_HEADERS:
        raise DotConfigError(f"key_header must be one of {', '.join(KEY_HEADERS)}, not {value!r}.")
    return str(value)


def _seconds(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DotConfigError(f"timeout must be a number of seconds, not {value!r}.") from None
