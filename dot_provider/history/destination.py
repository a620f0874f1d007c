"""Where history goes: any SQL warehouse that dlt knows, or the warehouse behind an orchestrator's connection."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dot_provider.api.errors import DotConfigError

# The driver that each of dlt's SQL destinations needs, and the extra of this package that brings it.
_DRIVERS = {
    "athena": ("pyathena", "athena"),
    "bigquery": ("google.cloud.bigquery", "bigquery"),
    "clickhouse": ("clickhouse_driver", "clickhouse"),
    "databricks": ("databricks.sql", "databricks"),
    "duckdb": ("duckdb", "warehouse"),
    "motherduck": ("duckdb", "motherduck"),
    "mssql": ("pyodbc", "mssql"),
    "postgres": ("psycopg2", "postgres"),
    "redshift": ("psycopg2", "redshift"),
    "snowflake": ("snowflake.connector", "snowflake"),
    "sqlalchemy": ("sqlalchemy", "warehouse"),
    "synapse": ("pyodbc", "synapse"),
}

# dlt insists on a password and strips it; a blank one leaves the choice to the server (peer authentication, .pgpass).
_BLANK = " "
_DUCKDB_MEMORY = "256MB"


@dataclass(frozen=True)
class WarehouseDestination:
    """A dlt destination and the credentials for it.

    Attributes:
        destination: dlt's name for the kind of warehouse, like ``"postgres"``.
        credentials: What dlt takes as credentials for it: a URL, a path, or a mapping. Not shown by ``repr``.
        options: Further settings of the dlt destination, like the location of a BigQuery dataset.
    """

    destination: str
    credentials: Any = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def usable_credentials(name: str, credentials: Any, dataset: str) -> Any:
    """Return credentials as dlt takes them, refusing what cannot be loaded into before anything is read.

    Raises:
        DotConfigError: The destination is unknown, its driver is not installed, or it cannot hold such a dataset.
    """
    check_destination(name)
    usable = readable_credentials(name, credentials)
    check_file(name, usable, dataset)
    return usable


def check_destination(name: str) -> None:
    """Refuse a destination that is unknown or whose driver is missing, before anything is read.

    Raises:
        DotConfigError: Names what is supported, or what to install.
    """
    if name not in _DRIVERS:
        raise DotConfigError(f"{str(name)[:40]!r} is no supported warehouse; choose one of {_listed(_DRIVERS)}.")
    driver, extra = _DRIVERS[name]
    for module, needed in (("dlt", "warehouse"), ("pyarrow", "warehouse"), ("ijson", "warehouse"), (driver, extra)):
        if not _installed(module):
            raise DotConfigError(
                f"Loading into {name} needs the package {module}: pip install 'dot-provider[{needed}]'."
            )


def check_file(name: str, credentials: Any, dataset: str) -> None:
    """Refuse a DuckDB file that cannot take the dataset.

    Raises:
        DotConfigError: Its folder does not exist; or it is called like the dataset: ``dot.duckdb`` is the catalog
            ``dot``, in which a schema ``dot`` is ambiguous.
    """
    database = credentials.get("database", "") if isinstance(credentials, Mapping) else credentials
    if name != "duckdb" or not isinstance(database, (str, Path)) or str(database).startswith((":memory:", "md:")):
        return
    file = Path(os.path.expanduser(database))  # noqa: PTH111 - where there is no home, DuckDB says so
    if file.stem.lower() == dataset.lower():
        raise DotConfigError(
            f"DuckDB cannot tell the schema {dataset} from the file {file.name} of the same name: "
            "give the file or the dataset another name."
        )
    if not file.parent.is_dir():
        raise DotConfigError(
            f"This machine has no folder {file.parent} for the DuckDB file {file.name}: create it, or correct the path."
        )


def destination_from_connection(
    conn_type: str,
    *,
    host: str | None = None,
    login: str | None = None,
    password: str | None = None,
    port: int | None = None,
    schema: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> WarehouseDestination:
    """Translate an orchestrator's connection to a warehouse into dlt's terms.

    Args:
        conn_type: The connection's type, like ``postgres``, ``snowflake``, ``google_cloud_platform``.
        host: Host name, or the path of the file for DuckDB and SQLite.
        login: User name; for ClickHouse, Snowflake and the like as their Airflow connections use it.
        password: Password, or the access token where the warehouse takes one.
        port: Port; the warehouse's usual one when left out.
        schema: The database, as Airflow's connections mean it.
        extra: The connection's extra fields, with or without Airflow's ``extra__<type>__`` prefix.

    Raises:
        DotConfigError: The type is not supported, or a field that the warehouse needs is empty.
    """
    kind = conn_type.strip().lower()
    if kind not in _TRANSLATIONS:
        raise DotConfigError(
            f"A connection of type {conn_type[:40]!r} is no supported warehouse; "
            f"choose one of {_listed(_TRANSLATIONS)}."
        )
    fields = _Fields(kind, host or "", login or "", password or "", port, schema or "", _unprefixed(extra or {}))
    return _TRANSLATIONS[kind](fields)


@dataclass(frozen=True)
class _Fields:
    kind: str
    host: str
    login: str
    password: str = field(repr=False)
    port: int | None
    schema: str
    extra: Mapping[str, Any] = field(repr=False)

    def need(self, **values: Any) -> dict[str, Any]:
        """Return ``values``, refusing empty ones in the connection's own words."""
        for name, value in values.items():
            if value in (None, ""):
                raise DotConfigError(f"The {self.kind} connection needs a value for {name}.")
        return values


def _server(name: str, default_port: int) -> Callable[[_Fields], WarehouseDestination]:
    def translate(c: _Fields) -> WarehouseDestination:
        needed = c.need(host=c.host or c.extra.get("host"), schema=c.schema, login=c.login)
        if needed["host"].startswith("/"):
            return WarehouseDestination(name, _socket(needed["host"], c.login, c.password, c.schema))
        credentials: dict[str, Any] = {
            "host": needed["host"],
            "port": c.port or default_port,
            "database": needed["schema"],
            "username": needed["login"],
            "password": c.password or _BLANK,
        }
        query = {key: str(c.extra[key]) for key in ("sslmode", "sslrootcert") if c.extra.get(key)}
        if query:
            credentials["query"] = query
        return WarehouseDestination(name, credentials)

    return translate


def readable_credentials(name: str, credentials: Any) -> Any:
    """Adapt credentials to dlt where it would refuse them or let them cost too much; leave the rest alone.

    A Postgres URL without a host means a Unix socket. DuckDB, which runs inside of this process, would take most of the
    machine's memory; unless ``global_config`` says otherwise it keeps to a share and spills to disk.
    """
    if name == "postgres" and isinstance(credentials, str):
        url = urlsplit(credentials)
        folder = parse_qs(url.query).get("host", [""])[0]
        if not url.hostname and folder.startswith("/"):
            return _socket(folder, unquote(url.username or ""), unquote(url.password or ""), url.path.lstrip("/"))
    if name == "duckdb":
        if isinstance(credentials, (str, Path)):
            credentials = {"database": str(credentials).removeprefix("duckdb:///")}
        if isinstance(credentials, Mapping):
            config = {"memory_limit": _DUCKDB_MEMORY, **(credentials.get("global_config") or {})}
            return {**credentials, "global_config": config}
    return credentials


def _socket(folder: str, login: str, password: str, database: str) -> dict[str, Any]:
    # The query's host wins over the one that dlt asks for.
    return {
        "host": "localhost",
        "username": login,
        "password": password or _BLANK,
        "database": database,
        "query": {"host": folder},
    }


def _mssql(c: _Fields) -> WarehouseDestination:
    known = {"driver", "TrustServerCertificate", "Encrypt"}
    query = {key: str(value) for key, value in c.extra.items() if key in known and key != "driver"}
    found = _server("mssql", 1433)(c)
    driver = {"driver": c.extra["driver"]} if c.extra.get("driver") else {}
    return WarehouseDestination("mssql", {**found.credentials, **driver, **({"query": query} if query else {})})


def _snowflake(c: _Fields) -> WarehouseDestination:
    account = c.extra.get("account") or c.host.removesuffix(".snowflakecomputing.com")
    if c.extra.get("region") and "." not in account:
        account = f"{account}.{c.extra['region']}"
    needed = c.need(login=c.login, account=account, database=c.extra.get("database"))
    credentials = {
        "host": needed["account"],
        "username": needed["login"],
        "database": needed["database"],
        "password": c.password,
        "warehouse": c.extra.get("warehouse"),
        "role": c.extra.get("role"),
        "authenticator": c.extra.get("authenticator"),
        "private_key": c.extra.get("private_key_content"),
        "private_key_path": c.extra.get("private_key_file"),
    }
    if c.password and (credentials["private_key"] or credentials["private_key_path"]):
        credentials["private_key_passphrase"] = credentials.pop("password")
    return WarehouseDestination("snowflake", _filled(credentials))


def _bigquery(c: _Fields) -> WarehouseDestination:
    keyfile = c.extra.get("keyfile_dict")
    if isinstance(keyfile, str) and keyfile:
        keyfile = _parsed(c.kind, "keyfile_dict", keyfile)
    path = c.extra.get("key_path")
    if not keyfile and path:
        keyfile = _parsed(c.kind, "key_path", _read(c.kind, str(path)))
    project = c.extra.get("project") or c.extra.get("project_id")
    location = {"location": c.extra["location"]} if c.extra.get("location") else {}
    if not keyfile:
        # Without a key, Google's default credentials of the machine apply.
        return WarehouseDestination("bigquery", {"project_id": project} if project else None, location)
    names = ("project_id", "private_key", "client_email", "token_uri")
    credentials = {name: keyfile[name] for name in names if keyfile.get(name)}
    return WarehouseDestination("bigquery", {**credentials, **({"project_id": project} if project else {})}, location)


def _databricks(c: _Fields) -> WarehouseDestination:
    host = c.host.removeprefix("https://").rstrip("/")
    catalog = c.extra.get("catalog") or c.schema
    needed = c.need(host=host, http_path=c.extra.get("http_path"), catalog=catalog)
    token = c.extra.get("token") or (c.password if c.login in ("", "token") else None)
    credentials = {
        "server_hostname": needed["host"],
        "http_path": needed["http_path"],
        "catalog": needed["catalog"],
        "access_token": token,
        "client_id": None if token else c.login,
        "client_secret": None if token else c.password,
    }
    return WarehouseDestination("databricks", _filled(credentials))


def _clickhouse(c: _Fields) -> WarehouseDestination:
    secure = str(c.extra.get("secure", "")).lower() in ("1", "true", "yes")
    needed = c.need(host=c.host)
    credentials = {
        "host": needed["host"],
        "port": c.port or (9440 if secure else 9000),
        "http_port": c.extra.get("http_port") or (8443 if secure else 8123),
        "database": c.schema or "default",
        "username": c.login or "default",
        "password": c.password,
        "secure": int(secure),
    }
    return WarehouseDestination("clickhouse", {k: v for k, v in credentials.items() if v is not None})


def _motherduck(c: _Fields) -> WarehouseDestination:
    needed = c.need(password=c.password or c.extra.get("token"), schema=c.schema)
    return WarehouseDestination("motherduck", {"database": needed["schema"], "password": needed["password"]})


def _duckdb(c: _Fields) -> WarehouseDestination:
    path = c.need(host=c.host or c.schema or c.extra.get("file"))["host"]
    return _motherduck_path(c, path) if path.startswith("md:") else WarehouseDestination("duckdb", path)


def _motherduck_path(c: _Fields, path: str) -> WarehouseDestination:
    database = path.removeprefix("md:").split("?")[0]
    return _motherduck(_Fields(c.kind, "", "", c.password, None, database or c.schema, c.extra))


def _sqlalchemy(drivername: str, port: int) -> Callable[[_Fields], WarehouseDestination]:
    def translate(c: _Fields) -> WarehouseDestination:
        found = _server("sqlalchemy", port)(c)
        return WarehouseDestination("sqlalchemy", {"drivername": drivername, **found.credentials})

    return translate


def _sqlite(c: _Fields) -> WarehouseDestination:
    path = c.need(host=c.host or c.schema)["host"]
    return WarehouseDestination("sqlalchemy", f"sqlite:///{path}")


_TRANSLATIONS: dict[str, Callable[[_Fields], WarehouseDestination]] = {
    "bigquery": _bigquery,
    "clickhouse": _clickhouse,
    "databricks": _databricks,
    "duckdb": _duckdb,
    "gcpbigquery": _bigquery,
    "google_cloud_platform": _bigquery,
    "motherduck": _motherduck,
    "mssql": _mssql,
    "mysql": _sqlalchemy("mysql+pymysql", 3306),
    "postgres": _server("postgres", 5432),
    "postgresql": _server("postgres", 5432),
    "redshift": _server("redshift", 5439),
    "snowflake": _snowflake,
    "sqlite": _sqlite,
}


def _unprefixed(extra: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in extra.items() if not key.startswith("extra__")}
    old = {key.split("__", 2)[-1]: value for key, value in extra.items() if key.startswith("extra__")}
    return {**old, **plain}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _parsed(kind: str, name: str, text: str) -> dict[str, Any]:
    import json

    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise DotConfigError(f"The {kind} connection's {name} must hold the JSON of a service account's key.")
    return value


def _read(kind: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    raise DotConfigError(f"The {kind} connection's key_path cannot be read on this machine.")


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names))
