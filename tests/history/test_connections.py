"""Every field of every connection is used, or plays no part that the page admits, or is refused by name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.errors import DotConfigError
from dot_provider.history import WarehouseDestination, destination_from_connection

PAGE = Path(__file__).parents[2] / "docs" / "warehouses.md"
SERVER: dict[str, Any] = {"host": "db.example.com", "login": "me", "password": "pw", "schema": "analytics"}
KEY = {"project_id": "p", "private_key": "k", "client_email": "me@p", "token_uri": "u", "type": "service_account"}

# A connection of each kind that works, and what the page calls it.
WORKING: dict[str, tuple[str, dict[str, Any]]] = {
    "postgres": ("PostgreSQL", SERVER),
    "redshift": ("Redshift", SERVER),
    "snowflake": ("Snowflake", {"login": "me", "password": "pw", "extra": {"account": "ab1", "database": "D"}}),
    "google_cloud_platform": ("BigQuery", {"extra": {"keyfile_dict": KEY}}),
    "databricks": (
        "Databricks",
        {"host": "dbc", "password": "t", "extra": {"http_path": "/sql/1", "catalog": "main"}},
    ),
    "mssql": ("SQL Server and Synapse", SERVER),
    "synapse": ("SQL Server and Synapse", SERVER),
    "mysql": ("MySQL", SERVER),
    "sqlite": ("SQLite", {"host": "/data/x.db"}),
    "clickhouse": ("ClickHouse", {"host": "ch"}),
    "duckdb": ("DuckDB and MotherDuck", {"host": "/data/x.duckdb"}),
}
FIELDS = ("host", "login", "password", "port", "schema")
# Values of fields that are no plain text; or that need another one beside them.
VALUES: dict[str, Any] = {
    **dict.fromkeys(("connect_timeout", "send_receive_timeout", "read_timeout", "write_timeout"), 7),
    **dict.fromkeys(("http_port", "native_port", "threads", "keepalives", "keepalives_idle", "num_retries"), 77),
    **{name: {"a": "b"} for name in ("session_parameters", "session_configuration", "settings", "session_settings")},
    **{name: {"a": "b"} for name in ("client_kwargs", "labels", "api_resource_configs", "proxies", "sqlalchemy_query")},
    **dict.fromkeys(("iam", "verify", "secure", "read_only", "service_principal_oauth"), True),
    "ssl": {"ca": "/ca.pem"},
    "extensions": ["httpfs"],
    "key_path": None,
    "private_key_file": None,
    "keyfile_dict": KEY,
}


def rows(title: str) -> list[tuple[str, str]]:
    """The fields of a warehouse on the page, each with what happens to it."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    table = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", section, re.MULTILINE)
    return [(name, outcome) for names, outcome in table for name in names.split(", ") if names != "field"]


def connection(kind: str, **extra: Any) -> WarehouseDestination:
    fields = dict(WORKING[kind][1])
    if {"database", "motherduck_token"} & extra.keys() and kind == "duckdb":
        fields = {"schema": "shop"} if "motherduck_token" in extra else {}
    return destination_from_connection(kind, **{**fields, "extra": {**fields.get("extra", {}), **extra}}, name="wh")


CASES = [(kind, *row) for kind, (title, _) in WORKING.items() for row in rows(title) if row[0] not in FIELDS]


@pytest.mark.parametrize(("kind", "name", "outcome"), CASES)
def test_a_field_does_what_the_page_says(kind: str, name: str, outcome: str, tmp_path: Path) -> None:
    value = VALUES.get(name, "a-value")
    if value is None:
        (tmp_path / "key").write_text(json.dumps(KEY))
        value = str(tmp_path / "key")
    alone = "without `iam`" in outcome and name != "iam"
    if outcome.startswith("refused") or (outcome.startswith("hook") and not (alone and name != "azure_conn_id")):
        with pytest.raises(DotConfigError, match=f"{kind} connection 'wh'.*{re.escape(name)}"):
            connection(kind, **{name: value})
        return
    found = connection(kind, **{name: value})
    if outcome.startswith("no part") or alone:
        assert found == connection(kind)
    elif name not in ("verify", "service_principal_oauth", "keyfile_dict", "key_path"):
        assert found != connection(kind)


@given(name=st.text("abcdefghij_", min_size=3).map(lambda text: f"zz{text}"), value=st.sampled_from(["x", 1, True]))
@pytest.mark.parametrize("kind", WORKING)
def test_a_field_that_nobody_knows_is_refused_by_name(kind: str, name: str, value: Any) -> None:
    with pytest.raises(DotConfigError, match=f"{kind} connection 'wh' has {name} in its extra"):
        connection(kind, **{name: value})


@pytest.mark.parametrize("kind", WORKING)
@pytest.mark.parametrize("empty", [None, "", {}, []])
def test_an_empty_field_is_none(kind: str, empty: Any) -> None:
    assert connection(kind, unknown=empty) == connection(kind)


@pytest.mark.parametrize(("kind", "field"), [("google_cloud_platform", "password"), ("sqlite", "login")])
def test_a_field_of_the_form_that_is_not_used_is_refused(kind: str, field: str) -> None:
    with pytest.raises(DotConfigError, match=f"has {field}, which the load would not use"):
        destination_from_connection(kind, **{**WORKING[kind][1], field: "x"})


def test_a_refused_field_names_the_provider_whose_hook_may_know_it() -> None:
    with pytest.raises(DotConfigError, match=r"impersonation_chain in its extra.*apache-airflow-providers-google"):
        connection("google_cloud_platform", impersonation_chain="me@p")


@pytest.mark.parametrize(
    ("kind", "destination", "port"),
    [("postgres", "postgres", 5432), ("redshift", "redshift", 5439), ("mssql", "mssql", 1433)],
)
def test_servers_with_a_database(kind: str, destination: str, port: int) -> None:
    assert connection(kind) == WarehouseDestination(
        destination,
        {"host": "db.example.com", "port": port, "database": "analytics", "username": "me", "password": "pw"},
    )


def test_tls_of_postgres_reaches_its_driver() -> None:
    from dlt.destinations.impl.postgres.configuration import PostgresCredentials
    from psycopg2.extensions import parse_dsn

    tls = {"sslmode": "verify-full", "sslcert": "/c.pem", "sslkey": "/k.pem", "options": "-c role=x", "keepalives": "0"}
    found = connection("postgres", **tls, connect_timeout=3).credentials
    known = PostgresCredentials()
    known.update(found)
    driver = {**parse_dsn(known.to_native_representation()), "options": known.get_query()["options"]}
    assert {**tls, "connect_timeout": "3"}.items() <= driver.items()


def test_fields_of_redshift_may_stand_in_the_extra() -> None:
    extra = {"host": "r", "user": "u", "password": "p", "port": 5440, "database": "d"}
    found = destination_from_connection("redshift", extra=extra).credentials
    assert found == {"host": "r", "username": "u", "password": "p", "port": 5440, "database": "d"}


def test_a_postgres_socket_is_understood() -> None:
    expected = {"host": "localhost", "username": "me", "database": "db", "query": {"host": "/run/pg"}, "password": "p"}
    found = destination_from_connection("postgres", login="me", password="p", schema="db", extra={"host": "/run/pg"})
    assert found.credentials == expected


def test_mysql_goes_through_pymysql_with_its_tls() -> None:
    import sqlalchemy

    found = connection("mysql", ssl=json.dumps({"ca": "/ca.pem", "check_hostname": "true"}), charset="utf8mb4")
    url = sqlalchemy.URL.create(**found.credentials)
    pytest.importorskip("pymysql")
    arguments = sqlalchemy.create_engine(url).dialect.create_connect_args(url)[1]
    assert arguments["ssl"] == {"ca": "/ca.pem", "check_hostname": True}
    assert arguments["charset"] == "utf8mb4"


def test_snowflake_with_a_password_and_the_prefixed_fields_of_old_forms() -> None:
    extra = {"extra__snowflake__account": "ab12", "region": "eu-west-1", "database": "D", "warehouse": "W", "role": ""}
    found = destination_from_connection("snowflake", login="me", password="pw", extra=extra)
    assert found.credentials == {
        "host": "ab12.eu-west-1",
        "username": "me",
        "database": "D",
        "password": "pw",
        "warehouse": "W",
    }


def test_snowflake_with_a_key_takes_the_password_as_its_passphrase() -> None:
    found = connection("snowflake", private_key_content="KEY").credentials
    assert (found["private_key"], found["private_key_passphrase"]) == ("KEY", "pw")
    assert "password" not in found


def test_a_snowflake_access_token_is_what_its_driver_reads() -> None:
    found = connection("snowflake", authenticator="programmatic_access_token").credentials
    assert found["query"] == {"token": "pw"}


@pytest.mark.parametrize("as_text", [True, False])
def test_bigquery_with_a_key(as_text: bool) -> None:
    found = connection("google_cloud_platform", keyfile_dict=json.dumps(KEY) if as_text else KEY, location="EU")
    assert found.credentials == {name: value for name, value in KEY.items() if name != "type"}
    assert found.options == {"location": "EU"}


def test_bigquery_with_another_project() -> None:
    assert connection("google_cloud_platform", project="other").credentials["project_id"] == "other"


def test_bigquery_without_a_key_uses_the_machines_own_credentials() -> None:
    assert not destination_from_connection("google_cloud_platform").credentials


def test_databricks_with_a_token() -> None:
    assert connection("databricks").credentials == {
        "server_hostname": "dbc",
        "http_path": "/sql/1",
        "catalog": "main",
        "access_token": "t",
    }


def test_databricks_with_a_service_principal() -> None:
    extra = {"http_path": "/sql/1", "catalog": "c", "service_principal_oauth": True}
    found = destination_from_connection("databricks", host="x", login="id", password="s", extra=extra).credentials
    assert (found["client_id"], found["client_secret"]) == ("id", "s")
    assert "access_token" not in found


def test_sql_server_gets_every_keyword_of_its_driver() -> None:
    found = connection("mssql", Encrypt=True, TrustServerCertificate="no", Authentication="ActiveDirectoryPassword")
    assert found.credentials["query"] == {
        "Encrypt": "yes",
        "TrustServerCertificate": "no",
        "Authentication": "ActiveDirectoryPassword",
    }


@pytest.mark.parametrize(
    ("fields", "native", "http", "secure"),
    [
        ({}, 9000, 8123, 0),
        ({"port": 8123}, 9000, 8123, 0),
        ({"port": 8443}, 9440, 8443, 1),
        ({"port": 9440}, 9440, 8443, 1),
        ({"extra": {"secure": True}}, 9440, 8443, 1),
        ({"port": 19000, "extra": {"http_port": 18123}}, 19000, 18123, 0),
        ({"port": 18123, "extra": {"native_port": "19000"}}, 19000, 18123, 0),
    ],
)
def test_clickhouse_knows_which_port_is_which(fields: Any, native: int, http: int, secure: int) -> None:
    found = destination_from_connection("clickhouse", host="h", **fields).credentials
    assert (found["port"], found["http_port"], found["secure"]) == (native, http, secure)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"host": "/data/x.db"}, "/data/x.db"),
        ({"host": "relative", "schema": "path/to/db"}, "relative/path/to/db"),
        ({"schema": "data/x.db"}, "/data/x.db"),
    ],
)
def test_a_sqlite_path_is_read_as_airflows_hook_reads_it(fields: Any, path: str) -> None:
    assert destination_from_connection("sqlite", **fields).credentials == f"sqlite:///{path}"


MOTHERDUCK = {"database": "shop", "password": "token"}


@pytest.mark.parametrize(
    "fields",
    [
        {"schema": "shop", "password": "token"},
        {"host": "md:shop", "password": "token"},
        {"host": "md:shop?motherduck_token=token"},
        {"host": "md:", "schema": "shop", "extra": {"motherduck_token": "token"}},
        {"extra": {"database": "md:shop"}, "password": "token"},
        {"extra": {"database": "motherduck:shop?token=token"}},
    ],
)
def test_every_form_of_a_motherduck_connection_reaches_motherduck(fields: Any) -> None:
    found = destination_from_connection("duckdb", **fields)
    assert found == WarehouseDestination("motherduck", MOTHERDUCK)


def test_duckdb_is_a_path_with_its_settings() -> None:
    assert connection("duckdb") == WarehouseDestination("duckdb", "/data/x.duckdb")
    found = connection("duckdb", memory_limit="2GB", settings={"threads": 2}, autoinstall_extensions=False)
    config = {"memory_limit": "2GB", "threads": 2, "autoinstall_known_extensions": False}
    assert found.credentials == {"database": "/data/x.duckdb", "global_config": config}


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("oracle", {}, "'oracle' is no supported warehouse; choose one of bigquery, clickhouse, databricks, duckdb"),
        ("azure_synapse", {}, "make a connection of type mssql to the SQL pool, and set destination='synapse'"),
        ("aws", {}, "give destination='athena' without a connection"),
        ("postgres", {"login": "me", "schema": "db"}, "The postgres connection needs a value for host"),
        ("snowflake", {"login": "me", "host": "h"}, "The snowflake connection needs a value for database"),
        ("google_cloud_platform", {"extra": {"keyfile_dict": "{"}}, "keyfile_dict must hold the JSON"),
        ("google_cloud_platform", {"extra": {"key_path": "/nowhere"}}, "key_path cannot be read"),
        ("snowflake", {"extra": {"private_key_file": "/nowhere"}}, "private_key_file cannot be read"),
        ("databricks", {"host": "h", "password": "t", "schema": "c"}, "http_path in its extra"),
        ("databricks", {"host": "h", "login": "me", "password": "t"}, "leave it empty and give a token"),
        ("clickhouse", {"host": "h", "port": 18123}, "has port 18123, and the load needs two"),
        ("clickhouse", {"host": "h", "extra": {"verify": False}}, "always checks the server's certificate"),
        ("duckdb", {}, "needs a value for host"),
        ("duckdb", {"schema": "analytics"}, "the MotherDuck database 'analytics' without a token"),
        ("duckdb", {"host": "/x.db", "password": "t"}, "empty one of the two"),
        ("duckdb", {"password": "t"}, "MotherDuck needs the name of a database"),
        ("sqlite", {}, "needs a value for host"),
        ("sqlite", {"host": ":memory:"}, "in memory"),
        ("postgres", {**SERVER, "extra": {"sslmode": ["x"]}}, "sslmode in its extra must be a plain value"),
        ("postgres", {**SERVER, "extra": {"iam": "perhaps"}}, "iam in its extra must be true or false"),
        ("clickhouse", {"host": "h", "extra": {"http_port": "x"}}, "http_port in its extra must be a whole number"),
    ],
)
def test_a_connection_that_cannot_work_is_refused_in_one_sentence(kind: str, fields: Any, words: str) -> None:
    with pytest.raises(DotConfigError, match=words):
        destination_from_connection(kind, **fields)


def test_no_password_is_shown() -> None:
    assert "pw" not in repr(connection("postgres"))
