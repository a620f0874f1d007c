from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dot_provider.api.errors import DotConfigError
from dot_provider.history import destination_from_connection, load_history
from dot_provider.history.destination import check_destination, check_file, readable_credentials

SERVER = {"host": "db.example.com", "login": "me", "password": "pw", "schema": "analytics"}
KEY = {"project_id": "p", "private_key": "k", "client_email": "me@p", "token_uri": "u", "type": "service_account"}


@pytest.mark.parametrize(
    ("conn_type", "destination", "port"),
    [("postgres", "postgres", 5432), ("redshift", "redshift", 5439), ("mssql", "mssql", 1433)],
)
def test_servers_with_a_database(conn_type: str, destination: str, port: int) -> None:
    found = destination_from_connection(conn_type, **SERVER)
    assert found.destination == destination
    assert found.credentials == {
        "host": "db.example.com",
        "port": port,
        "database": "analytics",
        "username": "me",
        "password": "pw",
    }


def test_a_port_and_tls_settings_are_kept() -> None:
    found = destination_from_connection("postgres", **SERVER, port=6000, extra={"sslmode": "require", "cursor": "x"})
    assert (found.credentials["port"], found.credentials["query"]) == (6000, {"sslmode": "require"})


def test_mysql_goes_through_sqlalchemy() -> None:
    found = destination_from_connection("mysql", **SERVER)
    assert (found.destination, found.credentials["drivername"]) == ("sqlalchemy", "mysql+pymysql")


def test_snowflake_with_a_password() -> None:
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
    extra = {"account": "ab12", "database": "D", "private_key_content": "KEY"}
    credentials = destination_from_connection("snowflake", login="me", password="pw", extra=extra).credentials
    assert (credentials["private_key"], credentials["private_key_passphrase"]) == ("KEY", "pw")
    assert "password" not in credentials


@pytest.mark.parametrize("as_text", [True, False])
def test_bigquery_with_a_key(as_text: bool) -> None:
    extra = {"keyfile_dict": json.dumps(KEY) if as_text else KEY, "location": "EU"}
    found = destination_from_connection("google_cloud_platform", extra=extra)
    assert found.credentials == {name: value for name, value in KEY.items() if name != "type"}
    assert found.options == {"location": "EU"}


def test_bigquery_with_a_key_file_and_another_project(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text(json.dumps(KEY))
    extra = {"key_path": str(tmp_path / "key.json"), "project": "other"}
    found = destination_from_connection("gcpbigquery", extra=extra)
    assert (found.credentials["project_id"], found.credentials["private_key"]) == ("other", "k")


def test_bigquery_without_a_key_uses_the_machines_own_credentials() -> None:
    assert destination_from_connection("google_cloud_platform").credentials is None


def test_databricks_with_a_token() -> None:
    extra = {"http_path": "/sql/1", "catalog": "main"}
    found = destination_from_connection("databricks", host="https://x.net/", login="token", password="t", extra=extra)
    assert found.credentials == {
        "server_hostname": "x.net",
        "http_path": "/sql/1",
        "catalog": "main",
        "access_token": "t",
    }


def test_databricks_with_a_service_principal() -> None:
    extra = {"http_path": "/sql/1"}
    found = destination_from_connection("databricks", host="x", login="id", password="s", schema="c", extra=extra)
    assert (found.credentials["client_id"], found.credentials["client_secret"]) == ("id", "s")
    assert "access_token" not in found.credentials


def test_clickhouse_knows_its_ports() -> None:
    plain = destination_from_connection("clickhouse", host="h").credentials
    secure = destination_from_connection("clickhouse", host="h", extra={"secure": True}).credentials
    assert (plain["port"], plain["http_port"], plain["username"]) == (9000, 8123, "default")
    assert (secure["port"], secure["http_port"], secure["secure"]) == (9440, 8443, 1)


def test_duckdb_is_a_path() -> None:
    found = destination_from_connection("duckdb", host="/data/warehouse.duckdb")
    assert (found.destination, found.credentials) == ("duckdb", "/data/warehouse.duckdb")


def test_a_duckdb_path_in_the_cloud_is_motherduck() -> None:
    found = destination_from_connection("duckdb", host="md:sales", password="token")
    assert (found.destination, found.credentials) == ("motherduck", {"database": "sales", "password": "token"})


def test_sqlite_goes_through_sqlalchemy() -> None:
    assert destination_from_connection("sqlite", host="/data/x.db").credentials == "sqlite:////data/x.db"


def test_a_postgres_socket_is_understood() -> None:
    expected = {"host": "localhost", "username": "me", "database": "db", "query": {"host": "/run/pg"}, "password": "p"}
    by_extra = destination_from_connection("postgres", login="me", password="p", schema="db", extra={"host": "/run/pg"})
    assert by_extra.credentials == expected
    assert readable_credentials("postgres", "postgresql://me:p@/db?host=/run/pg") == expected


@pytest.mark.parametrize(
    ("conn_type", "fields", "words"),
    [
        ("oracle", {}, "'oracle' is no supported warehouse; choose one of bigquery, clickhouse, databricks, duckdb"),
        ("postgres", {"login": "me", "schema": "db"}, "The postgres connection needs a value for host"),
        ("snowflake", {"login": "me", "host": "h"}, "The snowflake connection needs a value for database"),
        ("google_cloud_platform", {"extra": {"keyfile_dict": "{"}}, "keyfile_dict must hold the JSON"),
        ("google_cloud_platform", {"extra": {"key_path": "/nowhere"}}, "key_path cannot be read"),
    ],
)
def test_a_connection_that_cannot_work_is_refused_in_one_sentence(
    conn_type: str, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(DotConfigError, match=words):
        destination_from_connection(conn_type, **fields)


def test_no_password_is_shown() -> None:
    assert "pw" not in repr(destination_from_connection("postgres", **SERVER))


def test_a_missing_driver_names_the_extra_that_brings_it() -> None:
    with pytest.raises(DotConfigError, match=r"pip install 'dot-provider\[snowflake\]'"):
        check_destination("snowflake")


def test_duckdb_keeps_to_a_share_of_the_memory_unless_told_otherwise() -> None:
    assert readable_credentials("duckdb", "duckdb:///x.db") == {
        "database": "x.db",
        "global_config": {"memory_limit": "256MB"},
    }
    own = {"database": "x.db", "global_config": {"memory_limit": "4GB", "threads": 2}}
    assert readable_credentials("duckdb", own) == own


@pytest.mark.parametrize("credentials", [None, object(), "postgresql://me@host/db"])
def test_other_credentials_are_left_alone(credentials: Any) -> None:
    assert readable_credentials("postgres", credentials) is credentials


@pytest.mark.parametrize("credentials", ["dot.duckdb", "duckdb:///data/DOT.duckdb", {"database": "/data/dot.db"}])
def test_a_duckdb_file_named_like_the_dataset_is_refused_before_anything_is_read(credentials: Any) -> None:
    with pytest.raises(DotConfigError, match="give the file or the dataset another name"):
        load_history([{"chat_id": "a"}], destination="duckdb", credentials=credentials)


def test_a_duckdb_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "warehouse.duckdb"
    for credentials in (path, str(path), f"duckdb:///{path}", {"database": str(path)}):
        with pytest.raises(DotConfigError, match=f"This machine has no folder {path.parent} for"):
            load_history(unread(), destination="duckdb", credentials=credentials)


def unread() -> Any:
    raise AssertionError("something was read")
    yield


@pytest.mark.parametrize(
    "credentials", [":memory:", "md:shop", "shop.duckdb", "~/shop.duckdb", {"database": ":memory:dot"}, None, {}]
)
def test_other_places_of_duckdb_are_left_to_it(credentials: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    check_file("duckdb", readable_credentials("duckdb", credentials), "dot")
