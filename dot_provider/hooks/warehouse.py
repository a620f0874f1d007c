"""Warehouses behind Airflow's connections, with what only the hooks of their Airflow providers know.

A hook gets temporary passwords, impersonates service accounts, exchanges tokens. Where the provider is installed its
hook says who the load is; where it is not, the connection's fields do, and one that they cannot hand over is refused by
name. An error of a hook ends the load: going on without it would load as somebody else.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from dot_provider._airflow import AirflowException
from dot_provider.api.errors import DotConfigError, DotError
from dot_provider.history import WarehouseDestination
from dot_provider.history.connection_fields import ConnectionFields
from dot_provider.history.connections import SNOWFLAKE_OPTIONS, databricks_place, snowflake_account, translated
from dot_provider.history.destination import installed
from dot_provider.history.load_errors import explain
from dot_provider.hooks.connections import find_connection, read_extra

logger = logging.getLogger(__name__)

# Besides the hooks' own arguments: https://airflow.apache.org/docs/apache-airflow-providers-google/stable/connections
_GOOGLE_FIELDS = (
    *("key_path", "keyfile_dict", "credential_config_file", "scope", "key_secret_name", "key_secret_project_id"),
    *("impersonation_chain", "idp_issuer_url", "client_id", "client_secret", "idp_extra_params", "is_anonymous"),
    *("project", "quota_project_id", "num_retries", "use_legacy_sql", "priority"),
)
_SNOWFLAKE_FIELDS = (
    *("account", "warehouse", "database", "region", "role", "private_key_file", "private_key_content", "authenticator"),
    *("refresh_token", "grant_type", "azure_conn_id", "token_endpoint", "scope", *SNOWFLAKE_OPTIONS),
)
_IAM_FIELDS = (
    *("iam", "redshift", "redshift-serverless", "cluster-identifier", "workgroup-name", "aws_conn_id", "azure_conn_id"),
    *("cluster_identifier", "is_serverless", "serverless_work_group", "serverless_token_duration_seconds"),
)


def warehouse_of(conn_id: str, destination: str | None = None, *, again: bool = False) -> WarehouseDestination:
    """Return the warehouse behind an Airflow connection.

    Args:
        conn_id: the connection's id.
        destination: dlt's name of the warehouse, where the connection's type does not say it.
        again: whether it was asked for before in this task, and so is in the log.

    Raises:
        DotConfigError: there is no such connection, or it cannot be used as it is.
        HistoryLoadError: whoever gives out temporary credentials did not answer.
    """
    conn = find_connection(conn_id, "warehouse_conn_id", "your warehouse's type")
    c = fields_of(conn, destination)
    hook = _HOOKS.get(c.kind)
    if hook is None or not hook.wanted(c) or not installed(f"airflow.providers.{hook.path.partition('.hooks')[0]}"):
        found, way = translated(c), "the connection's own fields say"
    else:
        found, way = _asked(hook, c, conn), f"Airflow's {hook.name} says"
    level = logging.DEBUG if again else logging.INFO
    logger.log(level, "Loading into %s as %s (%s).", found.destination, way, _identity(found.credentials))
    return found


def fields_of(conn: Any, destination: str | None = None) -> ConnectionFields:
    """Return the fields of an Airflow connection, of which each that is filled in is to be used or refused."""
    fields = {name: getattr(conn, name) for name in ("host", "login", "password", "port", "schema")}
    return ConnectionFields(destination or conn.conn_type or "", conn.conn_id, read_extra(conn), **fields)


class _Hook(NamedTuple):
    path: str
    argument: str
    translate: Callable[[ConnectionFields, Any, Any], WarehouseDestination]
    wanted: Callable[[ConnectionFields], Any] = lambda c: True

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


def _asked(hook: _Hook, c: ConnectionFields, conn: Any) -> WarehouseDestination:
    failure: DotError
    try:
        module, _, name = f"airflow.providers.{hook.path}".rpartition(".")
        asked = getattr(import_module(module), name)(**{hook.argument: conn.conn_id})
        found = hook.translate(c, asked, conn)
        c.refuse_rest()
        return found
    except DotError:
        raise
    except Exception as error:
        known = {"password": conn.password, **read_extra(conn)}
        failure = explain(error, c.kind, known, deed=f"{c.label}: Airflow's {hook.name}")
        if isinstance(error, (AirflowException, ValueError, TypeError, LookupError, AttributeError, ImportError)):
            failure = failure if isinstance(error, OSError) else DotConfigError(str(failure))
    raise failure  # outside of the handler: a hook's exception may hold what it was given


def _bigquery(c: ConnectionFields, hook: Any, conn: Any) -> WarehouseDestination:
    from dot_provider.history.dlt_adapter import quiet_dlt

    with quiet_dlt():
        from dlt.common.configuration.specs import GcpServiceAccountCredentials
        from dlt.common.configuration.specs.gcp_credentials import GcpDefaultCredentials

    c.take(*_GOOGLE_FIELDS)
    credentials, project = hook.get_credentials_and_project_id()
    spec = GcpServiceAccountCredentials()
    spec.project_id = project
    # dlt takes no credentials object but this way, in which it uses the very object.
    GcpDefaultCredentials.parse_native_representation(spec, credentials)
    c.need({"project in its extra": spec.project_id})
    return WarehouseDestination("bigquery", spec, c.taken("location"))


def _snowflake(c: ConnectionFields, hook: Any, conn: Any) -> WarehouseDestination:
    params = hook._get_conn_params  # has no public name
    params = dict(params() if callable(params) else params)
    c.take(*_SNOWFLAKE_FIELDS)
    for name in ("login", "password", "schema"):  # the dataset is the schema
        c.field(name)
    named = {"username": "user", **{n: n for n in ("database", "password", "warehouse", "role", "token")}}
    credentials = {name: params.pop(there, None) for name, there in named.items()}
    credentials["host"] = snowflake_account(c, params.pop("account", None), params.pop("region", None))
    credentials["authenticator"] = params.pop("authenticator", None)
    if key := params.pop("private_key", None):
        credentials["private_key"] = base64.b64encode(key).decode()
    c.need({"account": credentials["host"], "database": credentials["database"]})
    mute = ("schema", "application")
    params = {name: value for name, value in params.items() if value not in (None, "") and name not in mute}
    filled = {name: value for name, value in credentials.items() if value}
    return WarehouseDestination("snowflake", {**filled, "query": params} if params else filled)


def _databricks(c: ConnectionFields, hook: Any, conn: Any) -> WarehouseDestination:
    place = databricks_place(c, hook.host)
    token = hook._get_token(raise_error=True)  # has no public name
    c.field("login"), c.field("password"), c.field("host"), c.take(*hook.extra_parameters)
    # The hook hands everything else to the driver, and so do we.
    rest = c.taken(*c.left)
    more = {"connection_parameters": rest} if rest else {}
    return WarehouseDestination("databricks", {**place, "access_token": token, **more})


def _temporary_password(c: ConnectionFields, hook: Any, conn: Any) -> WarehouseDestination:
    *login, password, port = hook.get_iam_token(conn)
    c.replace(*_IAM_FIELDS, login=login[0] if login else conn.login, password=password, port=port)
    return translated(c)


def _iam(path: str, argument: str) -> _Hook:
    return _Hook(path, argument, _temporary_password, lambda c: c.flag("iam"))


_GOOGLE = _Hook("google.common.hooks.base_google.GoogleBaseHook", "gcp_conn_id", _bigquery)
_POSTGRES = _iam("postgres.hooks.postgres.PostgresHook", "postgres_conn_id")
_HOOKS: Mapping[str, _Hook] = {
    "bigquery": _GOOGLE,
    "gcpbigquery": _GOOGLE,
    "google_cloud_platform": _GOOGLE,
    "databricks": _Hook(
        "databricks.hooks.databricks_sql.DatabricksSqlHook",
        "databricks_conn_id",
        _databricks,
        lambda c: c.field("login") != "token",
    ),
    "mysql": _iam("mysql.hooks.mysql.MySqlHook", "mysql_conn_id"),
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "redshift": _iam("amazon.aws.hooks.redshift_sql.RedshiftSQLHook", "redshift_conn_id"),
    "snowflake": _Hook("snowflake.hooks.snowflake.SnowflakeHook", "snowflake_conn_id", _snowflake),
}


def _identity(credentials: Any) -> str:
    """Return in words how a load signs in; never a value."""
    ways = {"private_key": "a key", **dict.fromkeys(("access_token", "token"), "a token")}
    ways.update(client_secret="a service principal", password="a password")  # noqa: S106
    known = credentials if isinstance(credentials, Mapping) else {}
    return next((words for name, words in ways.items() if known.get(name)), "the machine's own identity")
