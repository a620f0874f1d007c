"""Warehouses behind Airflow's connections: what the providers' own hooks say reaches the driver, unchanged.

The hooks are the real ones, where their providers are installed; only the network behind them is not asked.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import re
from importlib.util import find_spec
from typing import Any

import pytest

from dot_provider.api.errors import DotConfigError
from dot_provider.history import HistoryLoadError, WarehouseDestination
from dot_provider.hooks.warehouse import warehouse_of
from tests.history.test_connections import SERVER, WORKING, rows


def installed(provider: str) -> bool:
    try:
        return find_spec(f"airflow.providers.{provider}") is not None
    except ModuleNotFoundError:
        return False


def with_provider(name: str) -> Any:
    return pytest.mark.skipif(not installed(name), reason=f"the {name} provider is not installed")


def without_provider(name: str) -> Any:
    return pytest.mark.skipif(installed(name), reason=f"the {name} provider is installed")


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(kind: str, extra: Any = None, **fields: Any) -> WarehouseDestination:
        value = json.dumps({"conn_type": kind, "extra": extra or {}, **fields})
        monkeypatch.setenv("AIRFLOW_CONN_WH", value)
        return warehouse_of("wh")

    return make


def captured(destination: str, credentials: Any, part: str) -> Any:
    """dlt's credentials for a destination, resolved as a load resolves them."""
    from dlt.common.configuration.resolve import resolve_configuration

    spec = getattr(importlib.import_module(f"dlt.destinations.impl.{destination}.configuration"), part)
    known = spec()
    known.update(credentials)
    return resolve_configuration(known, accept_partial=False)


def test_the_log_says_which_way_was_taken_and_no_value(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert connect("postgres", **SERVER).credentials["password"] == "pw"
    assert "postgres as the connection's own fields say (a password)" in caplog.text
    assert "pw" not in caplog.text


def test_motherduck_in_airflows_own_form_reaches_motherduck(connect: Any) -> None:
    found = connect("duckdb", schema="analytics", password="TOKEN")
    assert found == WarehouseDestination("motherduck", {"database": "analytics", "password": "TOKEN"})


def test_a_sqlite_uri_with_a_relative_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WH", "sqlite://relative/path/to/x.db")
    assert warehouse_of("wh").credentials == "sqlite:///relative/path/to/x.db"


@pytest.mark.parametrize(
    ("kind", "name", "provider"),
    [
        pytest.param("snowflake", "refresh_token", "snowflake", marks=without_provider("snowflake")),
        pytest.param("google_cloud_platform", "impersonation_chain", "google", marks=without_provider("google")),
        pytest.param("databricks", "azure_tenant_id", "databricks", marks=without_provider("databricks")),
        pytest.param("postgres", "iam", "postgres", marks=without_provider("postgres")),
        pytest.param("mysql", "iam", "mysql", marks=without_provider("mysql")),
        pytest.param("redshift", "iam", "amazon", marks=without_provider("amazon")),
    ],
)
def test_without_the_provider_its_fields_are_refused_with_its_name(
    connect: Any, kind: str, name: str, provider: str
) -> None:
    fields = dict(WORKING[kind][1])
    extra = {**fields.pop("extra", {}), name: True}
    with pytest.raises(DotConfigError, match=rf"'wh' has {name}.*install apache-airflow-providers-{provider}"):
        connect(kind, extra, **fields)


HOOKS = [
    pytest.param(kind, marks=with_provider(provider))
    for kind, provider in [
        ("snowflake", "snowflake"),
        ("google_cloud_platform", "google"),
        ("databricks", "databricks"),
    ]
]


@pytest.mark.parametrize("kind", ["snowflake", "google_cloud_platform", "postgres", "mysql", "mssql", "clickhouse"])
def test_a_field_that_nobody_knows_is_refused_with_and_without_the_hook(connect: Any, mocker: Any, kind: str) -> None:
    if installed("google"):
        mocker.patch(f"{GOOGLE}.get_credentials_and_project_id", return_value=(mocker.Mock(), "p"))
        mocker.patch("dlt.common.configuration.specs.gcp_credentials.GcpDefaultCredentials.parse_native_representation")
    fields = dict(WORKING[kind][1])
    with pytest.raises(DotConfigError, match="'wh' has zz_unknown in its extra"):
        connect(kind, {**fields.pop("extra", {}), "zz_unknown": "x"}, **fields)


@pytest.mark.parametrize("kind", HOOKS)
def test_the_page_names_each_field_that_the_providers_form_has(kind: str) -> None:
    title = WORKING[kind][0]
    known = {name for name, _ in rows(title)}
    provider = {"google_cloud_platform": "google"}.get(kind, kind)
    info = importlib.import_module(f"airflow.providers.{provider}.get_provider_info").get_provider_info()
    kinds = {"google_cloud_platform", "gcpbigquery"} if provider == "google" else {kind}
    form = [one for one in info["connection-types"] if one["connection-type"] in kinds]
    assert {name for one in form for name in one.get("conn-fields", {})} <= known
    placeholders = [one.get("ui-field-behaviour", {}).get("placeholders", {}).get("extra", "") for one in form]
    assert {name for text in placeholders for name in re.findall(r'"(\w+)":', text or "")} <= known


GOOGLE = "airflow.providers.google.common.hooks.base_google.GoogleBaseHook"


@with_provider("google")
def test_bigquery_loads_as_whom_the_hook_impersonates(connect: Any, mocker: Any) -> None:
    from google.auth import credentials as google_credentials

    class Impersonated(google_credentials.Credentials):
        def refresh(self, request: Any) -> None:
            raise AssertionError

    identity = Impersonated()
    mocker.patch(
        "airflow.providers.google.cloud.utils.credentials_provider._CredentialProvider._get_credentials_using_adc",
        return_value=(identity, "p2"),
    )
    found = connect("google_cloud_platform", {"project": "p2", "location": "EU", "num_retries": 5})
    assert found.options == {"location": "EU"}

    from dlt.destinations import bigquery

    client = mocker.patch("google.cloud.bigquery.Client")
    destination = bigquery(credentials=found.credentials, location="EU")
    import dlt

    configuration = destination.spec()._bind_dataset_name(dataset_name="dot")
    with destination.client(dlt.Schema("dot"), configuration).sql_client:
        pass
    assert client.call_args.kwargs["credentials"] is identity
    assert client.call_args.args[0] == "p2"


@with_provider("google")
@pytest.mark.parametrize("name", ["impersonation_chain", "key_secret_name", "credential_config_file", "scope"])
def test_every_way_of_google_to_sign_in_is_left_to_its_hook(connect: Any, mocker: Any, name: str) -> None:
    from google.auth.credentials import AnonymousCredentials

    asked = mocker.patch(f"{GOOGLE}.get_credentials_and_project_id", return_value=(AnonymousCredentials(), "p"))
    assert connect("google_cloud_platform", {name: "x"}).credentials["project_id"] == "p"
    assert asked.call_count == 1


def pem(passphrase: bytes | None = None) -> tuple[str, bytes]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    cipher = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    kind = serialization.PrivateFormat.PKCS8
    der = key.private_bytes(serialization.Encoding.DER, kind, serialization.NoEncryption())
    return key.private_bytes(serialization.Encoding.PEM, kind, cipher).decode(), der


def snowflake(found: WarehouseDestination) -> dict[str, Any]:
    """What snowflake.connector.connect gets from dlt."""
    known = captured("snowflake", found.credentials, "SnowflakeCredentials")
    arguments: dict[str, Any] = known.to_connector_params()
    return arguments


ACCOUNT = {"account": "ab1", "region": "eu-1", "database": "D"}


@with_provider("snowflake")
def test_snowflake_with_a_password_and_all_its_options(connect: Any) -> None:
    options = {"session_parameters": {"QUERY_TAG": "x"}, "ocsp_fail_open": False, "proxy_host": "p", "proxy_port": 8080}
    found = connect("snowflake", {**ACCOUNT, **options, "insecure_mode": True}, login="me", password="pw")
    got = snowflake(found)
    assert {"user": "me", "password": "pw", "account": "ab1.eu-1", "database": "D"}.items() <= got.items()
    assert {"session_parameters": {"QUERY_TAG": "x"}, "proxy_host": "p", "insecure_mode": True}.items() <= got.items()
    assert got["ocsp_fail_open"] is False


@with_provider("snowflake")
def test_snowflake_with_a_key_behind_a_passphrase(connect: Any) -> None:
    text, der = pem(b"secret")
    got = snowflake(connect("snowflake", {**ACCOUNT, "private_key_content": text}, login="me", password="secret"))
    assert got["private_key"] == der
    assert got["user"] == "me"
    encoded = base64.b64encode(text.encode()).decode()
    again = connect("snowflake", {**ACCOUNT, "private_key_content": encoded}, login="me", password="secret")
    assert snowflake(again)["private_key"] == der


@with_provider("snowflake")
def test_snowflake_by_oauth(connect: Any, mocker: Any) -> None:
    respond = mocker.patch(
        "requests.post", return_value=mocker.Mock(json=lambda: {"access_token": "T", "expires_in": 9})
    )
    mocker.patch("requests.Session.post", respond)
    extra = {**ACCOUNT, "authenticator": "oauth", "refresh_token": "R"}
    got = snowflake(connect("snowflake", extra, login="client", password="pw"))
    assert (got["token"], got["authenticator"], got["account"]) == ("T", "oauth", "ab1.eu-1")


@with_provider("snowflake")
def test_snowflake_with_an_access_token(connect: Any) -> None:
    extra = {**ACCOUNT, "authenticator": "programmatic_access_token"}
    got = snowflake(connect("snowflake", extra, login="me", password="PAT"))
    assert got["token"] == "PAT"


@with_provider("snowflake")
def test_an_error_of_a_hook_ends_the_load_without_a_retry_and_names_the_connection(connect: Any) -> None:
    with pytest.raises(DotConfigError, match="'wh': Airflow's SnowflakeHook failed with ValueError"):
        connect("snowflake", {**ACCOUNT, "private_key_file": "/nowhere"}, login="me", password="pw")


@with_provider("snowflake")
def test_a_hook_that_cannot_reach_its_server_may_be_tried_again(connect: Any, mocker: Any) -> None:
    import requests

    mocker.patch("requests.post", side_effect=requests.ConnectionError("connection refused: pw"))
    mocker.patch("requests.Session.post", side_effect=requests.ConnectionError("connection refused: pw"))
    mocker.patch("time.sleep")
    extra = {**ACCOUNT, "authenticator": "oauth", "refresh_token": "R"}
    with pytest.raises(HistoryLoadError) as caught:
        connect("snowflake", extra, login="client", password="topsecret")
    assert caught.value.retryable
    assert "topsecret" not in str(caught.value)


DATABRICKS = {"http_path": "/sql/1", "catalog": "main"}
DATABRICKS_HOOK = "airflow.providers.databricks.hooks.databricks_base.BaseDatabricksHook"


def databricks(found: WarehouseDestination) -> dict[str, Any]:
    arguments: dict[str, Any] = captured("databricks", found.credentials, "DatabricksCredentials").to_connector_params()
    return arguments


@with_provider("databricks")
def test_databricks_with_a_token(connect: Any) -> None:
    more = {"session_configuration": {"a": "b"}, "_tls_no_verify": False, "use_cloud_fetch": True}
    got = databricks(connect("databricks", {**DATABRICKS, **more}, host="https://dbc.net/", password="t"))
    assert (got["server_hostname"], got["access_token"], got["catalog"]) == ("dbc.net", "t", "main")
    assert got["session_configuration"] == {"a": "b"}
    assert (got["_tls_no_verify"], got["use_cloud_fetch"]) == (False, True)


@with_provider("databricks")
@pytest.mark.parametrize(
    ("extra", "way"),
    [
        ({"azure_tenant_id": "t"}, "_get_aad_token"),
        ({"use_azure_managed_identity": True}, "_get_aad_token"),
        ({"use_default_azure_credential": True}, "_get_aad_token_for_default_az_credential"),
        ({"service_principal_oauth": True}, "_get_sp_token"),
        ({"federated_k8s": True}, "_get_federated_databricks_token"),
    ],
)
def test_databricks_signs_in_as_its_hook_does(connect: Any, mocker: Any, extra: Any, way: str) -> None:
    mocker.patch(f"{DATABRICKS_HOOK}._check_azure_metadata_service")
    mocker.patch(f"{DATABRICKS_HOOK}.{way}", return_value="TOKEN")
    got = databricks(connect("databricks", {**DATABRICKS, **extra}, host="dbc", login="id", password="s"))
    assert got["access_token"] == "TOKEN"
    assert "s" not in got.values()


def dsn(destination: str, found: WarehouseDestination) -> dict[str, str]:
    from psycopg2.extensions import parse_dsn

    known = captured(destination, found.credentials, f"{destination.title()}Credentials")
    parsed: dict[str, str] = parse_dsn(known.to_native_representation())
    return parsed


@with_provider("postgres")
@with_provider("amazon")
@pytest.mark.parametrize("extra", [{}, {"redshift": True}, {"redshift-serverless": True, "workgroup-name": "w"}])
def test_postgres_with_a_temporary_password(connect: Any, mocker: Any, extra: Any) -> None:
    aws = mocker.patch("airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook")
    for client in (aws.return_value.conn, aws.return_value.get_conn.return_value):
        client.generate_db_auth_token.return_value = "TEMP"
        client.get_cluster_credentials.return_value = {"DbPassword": "TEMP", "DbUser": "IAM:me"}
        client.get_credentials.return_value = {"dbPassword": "TEMP", "dbUser": "IAM:me"}
    fields = {**SERVER, "password": ""}
    got = dsn(
        "postgres", connect("postgres", {"iam": True, "aws_conn_id": "x", "sslmode": "require", **extra}, **fields)
    )
    assert (got["password"], got["sslmode"]) == ("TEMP", "require")
    assert got["user"] == ("IAM:me" if extra else "me")


@with_provider("amazon")
@pytest.mark.parametrize("extra", [{"cluster_identifier": "c"}, {"is_serverless": True, "serverless_work_group": "w"}])
def test_redshift_with_a_temporary_password(connect: Any, mocker: Any, extra: Any) -> None:
    aws = mocker.patch("airflow.providers.amazon.aws.hooks.redshift_sql.AwsBaseHook").return_value.conn
    aws.get_cluster_credentials.return_value = {"DbPassword": "TEMP", "DbUser": "IAM:me"}
    aws.get_credentials.return_value = {"dbPassword": "TEMP", "dbUser": "IAM:me"}
    got = dsn("redshift", connect("redshift", {"iam": True, **extra}, **SERVER))
    assert (got["password"], got["user"], got["port"]) == ("TEMP", "IAM:me", "5439")


@with_provider("mysql")
@with_provider("amazon")
def test_mysql_with_a_temporary_password(connect: Any, mocker: Any) -> None:
    aws = mocker.patch("airflow.providers.amazon.aws.hooks.base_aws.AwsBaseHook")
    aws.return_value.get_conn.return_value.generate_db_auth_token.return_value = "TEMP"
    found = connect("mysql", {"iam": True, "ssl": {"ca": "/ca.pem"}}, **{**SERVER, "password": ""})
    assert (found.credentials["password"], found.credentials["port"]) == ("TEMP", 3306)
    assert found.credentials["query"] == {"ssl_ca": "/ca.pem"}


def test_sql_servers_connection_string_escapes_what_it_is_given(connect: Any, mocker: Any) -> None:
    mocker.patch.dict("sys.modules", {"pyodbc": mocker.Mock(drivers=lambda: ["ODBC Driver 18 for SQL Server"])})
    extra = {"Authentication": "ActiveDirectoryServicePrincipal", "Encrypt": True}
    found = connect("mssql", extra, **{**SERVER, "password": "se;c}ret"})
    from dlt.destinations.impl.mssql.configuration import MsSqlCredentials

    known = MsSqlCredentials()
    known.update({**found.credentials, "driver": "ODBC Driver 18 for SQL Server"})
    text = known.to_odbc_dsn()
    assert "AUTHENTICATION=ActiveDirectoryServicePrincipal" in text
    assert "ENCRYPT=yes" in text
    assert "PWD={se;c}}ret}" in text
