"""From an orchestrator's connection to what dlt takes: one function per kind of warehouse, and a table of them.

Each function takes the fields that it can hand over; what is left is refused by name. What only Airflow's own hooks can
produce, such as a temporary password, is in `dot_provider.hooks.warehouse`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from dot_provider.api.errors import DotConfigError
from dot_provider.history.connection_fields import EMPTY, ConnectionFields
from dot_provider.history.destination import BLANK_PASSWORD, WarehouseDestination, socket_credentials
from dot_provider.history.duckdb_file import MOTHERDUCK, motherduck_credentials

Translation = Callable[[ConnectionFields], WarehouseDestination]

# https://learn.microsoft.com/en-us/sql/connect/odbc/dsn-connection-string-attribute, without what other fields say
_ODBC_KEYWORDS = (
    "addr address ansinpw app applicationintent authentication autotranslate clientcertificate clientkey "
    "columnencryption connectretrycount connectretryinterval description encrypt failover_partner failoverpartnerspn "
    "getdataextensions hostnameincertificate ipaddresspreference keepalive keepaliveinterval keystoreauthentication "
    "keystoreprincipalid keystoresecret language longasmax mars_connection multisubnetfailover net network "
    "querylog_on querylogfile querylogtime quotedid regional replication retryexec servercertificate serverspn "
    "statslog_on statslogfile transparentnetworkipresolution trustservercertificate usefmtonly wsid"
)
_ODBC = frozenset(_ODBC_KEYWORDS.split())
SNOWFLAKE_OPTIONS = (
    *("session_parameters", "insecure_mode", "ocsp_fail_open", "client_request_mfa_token", "host", "port"),
    *("client_store_temporary_credential", "json_result_force_utf8_decoding", "workload_identity_provider"),
    *("token", "token_file_path", "proxy_host", "proxy_port", "proxy_user", "proxy_password"),
)
# Field of the connection, and DuckDB's name for it: https://duckdb.org/docs/stable/configuration/overview
_DUCKDB_SETTINGS = {
    "memory_limit": "memory_limit",
    "threads": "threads",
    "temp_directory": "temp_directory",
    "extension_directory": "extension_directory",
    "autoinstall_extensions": "autoinstall_known_extensions",
    "autoload_extensions": "autoload_known_extensions",
    "allow_community_extensions": "allow_community_extensions",
}
_IAM = ("redshift", "redshift-serverless", "cluster-identifier", "workgroup-name", "aws_conn_id")
_CLICKHOUSE_HTTP, _CLICKHOUSE_NATIVE = {8123: False, 8443: True, 443: True}, {9000: False, 9440: True}


def destination_from_connection(
    conn_type: str,
    *,
    host: str | None = None,
    login: str | None = None,
    password: str | None = None,
    port: int | None = None,
    schema: str | None = None,
    extra: Mapping[str, Any] | None = None,
    name: str = "",
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
        name: The connection's id, for messages.

    Raises:
        DotConfigError: The type is not supported, a field that the warehouse needs is empty, or one is filled in that
            the load would not use.
    """
    fields = {"host": host, "login": login, "password": password, "port": port, "schema": schema}
    return translated(ConnectionFields(conn_type, name, extra, **fields))


def translated(c: ConnectionFields) -> WarehouseDestination:
    """Return the destination that the fields describe; those that were taken before count as used.

    Raises:
        DotConfigError: As of `destination_from_connection`.
    """
    kind = _KINDS.get(c.kind)
    if kind is None:
        advice = _ELSEWHERE.get(c.kind, f"choose one of {', '.join(sorted(_KINDS))}.")
        raise DotConfigError(f"A connection of type {c.kind[:40]!r} is no supported warehouse; {advice}")
    c.take(*kind.harmless)
    found = kind.translate(c)
    c.refuse_rest(kind.provider)
    return found


def _server(c: ConnectionFields, port: int) -> dict[str, Any]:
    """Return where a server is and who asks, from the fields or, as drivers call them, from the extra."""
    named = {"host": ("host",), "database": ("dbname", "database"), "login": ("user",), "password": ("password",)}
    extra = {name: c.take(*names) for name, names in named.items()}
    found = {name: extra[name] or c.field("schema" if name == "database" else name) for name in named}
    c.need({"host": found["host"], "schema": found["database"], "login": found["login"]})
    return {
        "host": str(found["host"]),
        "port": c.number("port") or c.field("port") or port,
        "database": str(found["database"]),
        "username": str(found["login"]),
        "password": str(found["password"]) or BLANK_PASSWORD,
    }


def _libpq(name: str, port: int) -> Translation:
    def translate(c: ConnectionFields) -> WarehouseDestination:
        _refuse_iam(c)
        credentials = _server(c, port)
        # dlt has settings of these names, which win over the query's.
        settings = {"connect_timeout": c.number("connect_timeout"), "client_encoding": c.take("client_encoding")}
        _check_libpq(c, c.left)
        query = {key: c.text(key, value) for key, value in c.taken(*c.left).items()}
        for key, value in query.items():
            if " " in value and key != "options":  # dlt writes it as +, which libpq does not take for a space
                raise DotConfigError(f"{c.label}: {key} in its extra has a space, which cannot be handed over.")
        if credentials["host"].startswith("/"):
            credentials = socket_credentials(credentials)
            query = {**query, **credentials["query"]}
        return WarehouseDestination(name, _filled({**credentials, **settings, "query": query}))

    return translate


def _refuse_iam(c: ConnectionFields) -> None:
    if c.flag("iam"):
        raise DotConfigError(
            f"{c.label} has iam in its extra, and only Airflow's own hook gets such temporary passwords: install "
            f"{_KINDS[c.kind].provider} where the load runs, or give credentials instead."
        )


def _check_libpq(c: ConnectionFields, names: Iterable[str]) -> None:
    """Ask the driver whether it knows these options, where it is installed; a load needs it anyway."""
    try:
        from psycopg2 import ProgrammingError
        from psycopg2.extensions import make_dsn
    except ImportError:
        return
    for name in names:
        try:
            make_dsn(**{name: "1"})
        except ProgrammingError:
            raise DotConfigError(
                f"{c.label} has {name} in its extra, which PostgreSQL's driver does not know: correct or remove it."
            ) from None


def _odbc(name: str) -> Translation:
    def translate(c: ConnectionFields) -> WarehouseDestination:
        credentials = {**_server(c, 1433), "driver": c.take("driver", "Driver", "DRIVER")}
        known = c.taken(*(key for key in c.left if key.lower() in _ODBC))
        yes_no = {True: "yes", False: "no"}
        query = {k: yes_no[v] if isinstance(v, bool) else c.text(k, v) for k, v in known.items()}
        return WarehouseDestination(name, _filled({**credentials, "query": query}))

    return translate


def _snowflake(c: ConnectionFields) -> WarehouseDestination:
    password, authenticator = c.field("password"), c.take("authenticator")
    key, path = c.take("private_key_content"), c.take("private_key_file")
    if path:
        key = _read(c, "private_key_file", str(path))
    query = c.taken(*SNOWFLAKE_OPTIONS)
    if authenticator == "programmatic_access_token":
        query["token"] = password
    c.field("schema")  # the dataset is the schema
    credentials = {
        "host": snowflake_account(c, c.take("account"), c.take("region")),
        "username": c.field("login"),
        "database": c.take("database"),
        "password": "" if key else password,
        "private_key": key,
        "private_key_passphrase": password if key else "",
        "warehouse": c.take("warehouse"),
        "role": c.take("role"),
        "authenticator": authenticator,
    }
    c.need({"login": credentials["username"], "account": credentials["host"], "database": credentials["database"]})
    if authenticator == "oauth" and not query.get("token"):
        raise DotConfigError(
            f"{c.label} signs in by OAuth, and only Airflow's own hook gets such tokens: install "
            "apache-airflow-providers-snowflake where the load runs, or put a token into its extra."
        )
    return WarehouseDestination("snowflake", _filled({**credentials, "query": query}))


def snowflake_account(c: ConnectionFields, account: str | None, region: str | None) -> str:
    """Return the account as dlt's host: with its region, which Airflow's form has in a field of its own."""
    account = str(account or c.field("host")).removesuffix(".snowflakecomputing.com")
    return f"{account}.{region}" if region and "." not in account else account


def _bigquery(c: ConnectionFields) -> WarehouseDestination:
    keyfile, path = c.take("keyfile_dict"), c.take("key_path")
    if isinstance(keyfile, str):
        keyfile = _parsed(c, "keyfile_dict", keyfile)
    if not keyfile and path:
        keyfile = _parsed(c, "key_path", _read(c, "key_path", str(path)))
    project, location = c.take("project", "project_id"), c.taken("location")
    names = ("project_id", "private_key", "client_email", "token_uri")
    credentials = {name: keyfile[name] for name in names if keyfile.get(name)} if keyfile else {}
    if keyfile and not credentials.get("private_key"):
        raise DotConfigError(f"{c.label} has a key file without private_key: give that of a service account.")
    # Without a key, Google's default credentials of the machine apply.
    credentials = {**credentials, "project_id": project or credentials.get("project_id")}
    return WarehouseDestination("bigquery", _filled(credentials), location)


def _databricks(c: ConnectionFields) -> WarehouseDestination:
    login, password, token = c.field("login"), c.field("password"), c.take("token")
    principal = c.flag("service_principal_oauth")
    if not token and login in ("", "token"):
        token = password
    elif not token and not principal:
        raise DotConfigError(
            f"{c.label} has a login: leave it empty and give a token as the password, or set service_principal_oauth "
            "in its extra where it is the id of a service principal."
        )
    credentials = {
        **databricks_place(c, c.take("host") or c.field("host")),
        "access_token": token,
        "client_id": None if token else login,
        "client_secret": None if token else password,
    }
    c.need({"password": token or password})
    return WarehouseDestination("databricks", _filled(credentials))


def databricks_place(c: ConnectionFields, host: Any) -> dict[str, Any]:
    """Return where the SQL warehouse is and how its session begins, without who asks."""
    place = {
        "server_hostname": str(host).removeprefix("https://").rstrip("/"),
        "http_path": c.take("http_path"),
        "catalog": c.take("catalog"),
    }
    c.need({"host": host, **{f"{name} in its extra": place[name] for name in ("http_path", "catalog")}})
    c.field("schema")  # the dataset is the schema
    found: dict[str, Any] = _filled({**place, "session_configuration": c.take("session_configuration")})
    return found


def _clickhouse(c: ConnectionFields) -> WarehouseDestination:
    """dlt speaks the native protocol, and HTTP to load files: a connection names one of the two ports."""
    port = int(c.field("port") or 0)
    http, native = c.number("http_port"), c.number("native_port")
    if port and not native and (http or port in _CLICKHOUSE_NATIVE):
        native = port
    elif port and not http and (native or port in _CLICKHOUSE_HTTP):
        http = port
    elif port:
        raise DotConfigError(
            f"{c.label} has port {port}, and the load needs two: put the port of HTTP as http_port and that of the "
            "native protocol as native_port into its extra, and leave the port empty."
        )
    secure = c.flag("secure")
    if secure is None:
        secure = _CLICKHOUSE_HTTP.get(http or 0, False) or _CLICKHOUSE_NATIVE.get(native or 0, False)
    if c.flag("verify") is False:
        raise DotConfigError(
            f"{c.label} has verify false in its extra, but the load always checks the server's certificate: trust the "
            "server's authority on the machine that runs the load, and remove it."
        )
    timeouts = {name: c.number(name) for name in ("connect_timeout", "send_receive_timeout")}
    c.need({"host": c.field("host")})
    credentials = {
        "host": c.field("host"),
        "port": native or (9440 if secure else 9000),
        "http_port": http or (8443 if secure else 8123),
        "database": c.take("database") or c.field("schema") or "default",
        "username": c.take("user") or c.field("login") or "default",
        "password": c.field("password"),
        "secure": int(secure),
    }
    more: dict[str, Any] = _filled({**timeouts, "query": c.taken("client_name")})
    return WarehouseDestination("clickhouse", {**credentials, **more})


def _duckdb(c: ConnectionFields) -> WarehouseDestination:
    """As Airflow's DuckDB hook: a token makes it MotherDuck, whose database is the schema; else the host is a file."""
    token = c.take("motherduck_token", "token") or c.field("password")
    given, schema = c.take("database", "file") or c.field("host"), c.field("schema")
    settings = {name: value for field, name in _DUCKDB_SETTINGS.items() if (value := c.take(field)) is not None}
    settings.update(c.take("settings") or {})
    if c.flag("read_only"):
        raise DotConfigError(f"{c.label} is read_only, and a load writes: remove it from its extra.")
    rest = _filled({"global_config": settings, "extensions": c.take("extensions")})
    if str(given).startswith(MOTHERDUCK) or (not given and (schema or token)):
        found = motherduck_credentials(str(given), token, schema)
        if not found.get("password"):
            raise DotConfigError(
                f"{c.label} names the MotherDuck database {found['database']!r} without a token: give the token as the "
                "password, or the path of a file as the host if a local one is meant."
            )
        return WarehouseDestination("motherduck", {**found, **rest})
    if given and (token or schema):
        raise DotConfigError(
            f"{c.label} has a file as its host and what MotherDuck needs (schema, token): empty one of the two."
        )
    c.need({"host (the path of the DuckDB file)": given})
    return WarehouseDestination("duckdb", {"database": str(given), **rest} if rest else str(given))


def _mysql(c: ConnectionFields) -> WarehouseDestination:
    _refuse_iam(c)
    if not c.field("host"):
        c.replace(host="localhost")
    ssl = c.take("ssl")
    if isinstance(ssl, str):
        ssl = _parsed(c, "ssl", ssl)
    given = {f"ssl_{key.removeprefix('ssl_')}": value for key, value in (ssl or {}).items()}
    known = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_key", "ssl_cipher", "ssl_check_hostname")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise DotConfigError(f"{c.label}: ssl in its extra has {unknown[0][4:]}, which PyMySQL does not take.")
    query = {**given, **c.taken(*known, "charset", "unix_socket", "connect_timeout", "read_timeout", "write_timeout")}
    credentials = {"drivername": "mysql+pymysql", **_server(c, 3306)}
    return WarehouseDestination(
        "sqlalchemy", _filled({**credentials, "query": {key: c.text(key, value) for key, value in query.items()}})
    )


def _sqlite(c: ConnectionFields) -> WarehouseDestination:
    """As Airflow's SQLite hook: ``sqlite://relative/path`` has its path in host and schema."""
    host, schema = str(c.field("host")), str(c.field("schema"))
    path = f"{host.rstrip('/')}/{schema}" if host and schema else host or (f"/{schema.lstrip('/')}" if schema else "")
    c.need({"host (the path of the SQLite file)": path})
    if path.startswith(":memory:"):
        raise DotConfigError(f"{c.label} is in memory, and a load into it would be gone with the task: name a file.")
    return WarehouseDestination("sqlalchemy", f"sqlite:///{quote(path, safe='/ ')}")


class _Kind(NamedTuple):
    translate: Translation
    provider: str = ""
    # What concerns other uses of the connection: cursors, Airflow's own engine, limits on its own calls.
    harmless: tuple[str, ...] = ()


_ENGINE = ("cursor", "sqlalchemy_scheme")
_GOOGLE = _Kind(_bigquery, "apache-airflow-providers-google", ("num_retries", "use_legacy_sql", "priority"))
_POSTGRES = _Kind(_libpq("postgres", 5432), "apache-airflow-providers-postgres[amazon]", (*_ENGINE, *_IAM))

_KINDS = {
    "clickhouse": _Kind(_clickhouse, harmless=("compress",)),
    "databricks": _Kind(_databricks, "apache-airflow-providers-databricks"),
    "duckdb": _Kind(_duckdb, harmless=("dialect",)),
    **dict.fromkeys(("bigquery", "gcpbigquery", "google_cloud_platform"), _GOOGLE),
    "motherduck": _Kind(_duckdb, harmless=("dialect",)),
    "mssql": _Kind(_odbc("mssql"), harmless=("sqlalchemy_scheme",)),
    "mysql": _Kind(_mysql, "apache-airflow-providers-mysql[amazon]", ("cursor", "client", "aws_conn_id")),
    **dict.fromkeys(("postgres", "postgresql"), _POSTGRES),
    "redshift": _Kind(_libpq("redshift", 5439), "apache-airflow-providers-amazon", _ENGINE),
    "snowflake": _Kind(_snowflake, "apache-airflow-providers-snowflake"),
    "sqlite": _Kind(_sqlite),
    "synapse": _Kind(_odbc("synapse"), harmless=("sqlalchemy_scheme",)),
}
# Types that people try, and what they want instead.
_ELSEWHERE = {
    "azure_synapse": (
        "it leads to Synapse's pipelines and Spark: make a connection of type mssql to the SQL pool, and set "
        "destination='synapse' beside it."
    ),
    **dict.fromkeys(
        ("athena", "aws"),
        "Athena needs a bucket and a staging area: configure dlt's destinations athena and filesystem, and give "
        "destination='athena' without a connection.",
    ),
}


def _filled(values: Mapping[str, Any]) -> Any:
    return {name: value for name, value in values.items() if value not in EMPTY}


def _parsed(c: ConnectionFields, name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DotConfigError(f"{c.label}: {name} must hold the JSON of an object.")
    return value


def _read(c: ConnectionFields, name: str, path: str) -> str:
    with suppress(OSError, ValueError):
        return Path(path).read_text(encoding="utf-8")
    raise DotConfigError(f"{c.label}: {name} cannot be read on this machine; give the path of a text file.")
