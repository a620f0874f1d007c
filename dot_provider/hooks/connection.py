"""From an Airflow connection of type ``dot`` to the settings of a client."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from dot_provider.api.errors import DotConfigError
from dot_provider.api.settings import REGIONS, Server, SettingNames, refuse_secret, server, shown

EXTRAS = ("region", "environment", "timeout", "key_header", "url_auth_user", "allow_http")
"""What the extra of a connection may hold."""

NAMES = SettingNames(
    token="API token (password)",  # noqa: S106 - a label
    base_url="Region or URL (host)",
    environment="Environment",
    timeout="Timeout",
    token_header="API token's header (key_header)",  # noqa: S106 - a label
    username="User name (login)",
    password="API token (password)",  # noqa: S106 - a label
    url_auth_user="User for URL authentication (url_auth_user)",
    allow_http="Allow http (allow_http)",
)
"""The settings as the connection form labels them, with the names that JSON and URIs know them by."""


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
        allow_http = _switch(fields.get("allow_http", False))
        region, base_url = _place(connection, fields.get("region"), allow_http is True)
        return server(
            **_identity(connection),
            region=region,
            base_url=base_url,
            environment=environment or fields.get("environment"),
            timeout=_number(fields.get("timeout", 60)),
            token_header=fields.get("key_header", "X-API-KEY"),
            url_auth_user=fields.get("url_auth_user"),
            allow_http=allow_http,
            names=replace(NAMES, environment="the argument environment") if environment else NAMES,
        )
    except DotConfigError as error:
        refused = str(error)
    raise DotConfigError(f"Connection {connection.conn_id!r}: {refused}")


def _identity(connection: ConnectionFields) -> dict[str, Any]:
    if connection.login:
        return {"username": connection.login, "password": connection.password}
    return {"token": connection.password}


def _place(connection: ConnectionFields, region: str | None, allow_http: bool) -> tuple[str | None, str | None]:
    """Return region and base URL; at most one of them is not None, unless both were given."""
    host = (connection.host or "").strip()
    refuse_secret(NAMES.base_url, host, connection.password)
    if connection.schema not in (None, "", "http", "https"):
        raise DotConfigError(f"Schema is http, https or empty: write a host name into {NAMES.base_url}.")
    if connection.port and not 0 < connection.port < 65536:
        raise DotConfigError(f"Port {connection.port} is none: it must be from 1 to 65535, or empty.")
    if connection.port not in (None, 0, 443) and (not host or host.lower() in REGIONS):
        raise DotConfigError(
            f"Port {connection.port} needs a host name or URL in {NAMES.base_url}: the regions of Dot listen on 443."
        )
    if host.lower() in REGIONS:
        return (region or host.lower(), REGIONS[host.lower()]) if region else (host.lower(), None)
    if not host:
        return region, None
    if not (connection.schema or allow_http or re.search(r"[.:/]", host) or host.lower() == "localhost"):
        # A misspelt region would otherwise send the token to whatever machine is called so nearby.
        raise DotConfigError(
            f"{NAMES.base_url} {shown(host)} is no region of Dot ({' or '.join(REGIONS)}) and no whole host name: "
            "write a self-hosted Dot of that name as a URL, with https:// before it."
        )
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return region, _with_port(url, connection.port) if connection.port else url


def _with_port(url: str, port: int) -> str:
    named = re.search(r":(\d+)/?$", url)
    if named is None:
        return f"{url.rstrip('/')}:{port}"
    if named[1].lstrip("0") != str(port):
        raise DotConfigError(f"{NAMES.base_url} and Port disagree ({named[1]} and {port}): keep one of them.")
    return url


def _number(value: Any) -> Any:
    try:
        return value if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return value


def _switch(value: Any) -> Any:
    """Return what a form, JSON or a URI says for yes or no as a bool, and anything else as it is."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower(), value)
