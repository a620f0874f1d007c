"""What OpenLineage hears of the data that moved. Imported only where Airflow's OpenLineage provider asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from dot_provider.history import LoadResult, WarehouseDestination


def nothing() -> Any:
    """Return the lineage of a task that has moved nothing."""
    from airflow.providers.openlineage.extractors import OperatorLineage  # type: ignore[import-not-found,unused-ignore]

    return OperatorLineage()


def synced(origin: str, connection_type: str, connection_id: str) -> Any:
    """Return the lineage of a sync: the connection of Dot that is up to date."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import Dataset

    return OperatorLineage(outputs=[Dataset(_dot(origin), f"connection/{connection_type}/{connection_id}")])


def answered(origin: str, chat_id: str, statements: Sequence[str]) -> Any:
    """Return the lineage of an answer: the tables that Dot read for it, and the chat."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import Dataset

    return OperatorLineage(
        inputs=[Dataset(_dot(origin), f"table/{table}") for table in tables_read(statements)],
        outputs=[Dataset(_dot(origin), f"chat/{chat_id}")],
    )


def tables_read(statements: Sequence[str]) -> list[str]:
    """Return the tables that SQL statements read, as they name them; without those that sqlglot cannot read, or it."""
    try:
        import sqlglot
        from sqlglot.optimizer.scope import traverse_scope
    except ImportError:
        return []
    names = set()
    for statement in statements:
        try:
            # BigQuery's backticks are nobody else's; what is read of names is the same everywhere.
            scopes = traverse_scope(sqlglot.parse_one(statement, dialect="bigquery" if "`" in statement else None))
        except (sqlglot.errors.SqlglotError, RecursionError):
            continue
        tables = [t for scope in scopes for t in scope.sources.values() if isinstance(t, sqlglot.exp.Table)]
        names |= {".".join(part.name for part in table.parts) for table in tables}
    return sorted(names)


def exported(origin: str, warehouse: WarehouseDestination, result: LoadResult) -> Any:
    """Return the lineage of an export: Dot's history, and both tables with the number of rows written."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import Dataset, OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    namespace, names = named(warehouse, result.tables)
    rows = zip(names, (result.conversations, result.messages), strict=True)
    return OperatorLineage(
        inputs=[Dataset(_dot(origin), "history")],
        outputs=[
            OutputDataset(
                namespace=namespace,
                name=name,
                outputFacets={"outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(rowCount=count)},
            )
            for name, count in rows
        ],
    )


def named(warehouse: WarehouseDestination, tables: Sequence[str]) -> tuple[str, list[str]]:
    """Return the namespace of a warehouse and the names of ``tables`` in it, as OpenLineage's naming rules have them.

    Whoever reads the tables later names them by the same rules, so the lineage goes on from here. Nothing secret is in
    the names.

    Args:
        warehouse: the warehouse.
        tables: as ``schema.table``.
    """
    kind, known = warehouse.destination, warehouse.credentials
    if kind == "duckdb" and isinstance(known, Mapping):
        path = Path(known["database"]).absolute()
        return f"duckdb://{path}", [f"{path.stem}.{table}" for table in tables]
    if not isinstance(known, Mapping):
        # dlt has the credentials, or they are a URL that may hold a password.
        return kind, list(tables)
    namespace, database = _place(kind, known)
    if kind == "clickhouse":  # it has no schemas: the database is in the table's name already
        database = ""
    names = [f"{database}.{table}" if database else table for table in tables]
    return namespace, [name.upper() for name in names] if kind == "snowflake" else names


def _place(kind: str, known: Mapping[str, Any]) -> tuple[str, str]:
    """Return the namespace, and the database that stands before the schema."""
    database, host = str(known.get("database") or ""), str(known.get("host") or "")
    if kind == "bigquery":
        return kind, str(known.get("project_id") or "")
    if kind == "databricks":
        return f"{kind}://{known['server_hostname']}", str(known["catalog"])
    if kind == "motherduck":
        return f"duckdb://md:{database}", database
    if kind == "snowflake":
        return f"{kind}://{_snowflake_account(host)}", database
    if kind == "sqlalchemy":  # MySQL, where a schema is a database
        kind, database = str(known.get("drivername") or kind).partition("+")[0], ""
    if kind == "redshift":
        host = _redshift_cluster(host)
    port = f":{known['port']}" if known.get("port") else ""
    return (f"{kind}://{host}{port}" if host else kind), database


def _snowflake_account(account: str) -> str:
    """Return ``organization-account`` as it is, and an older locator with its region and cloud."""
    locator, *place = account.split(".")
    if "-" in locator:
        return locator
    region, cloud = [*place, *("us-west-1", "aws")[len(place) :]][:2]
    return f"{locator}.{region}.{cloud}"


def _redshift_cluster(host: str) -> str:
    """Return ``cluster.region`` from the host name that AWS gives a cluster or workgroup."""
    parts = host.split(".")
    return f"{parts[0]}.{parts[2]}" if host.endswith(".amazonaws.com") and len(parts) == 6 else host


def _dot(origin: str) -> str:
    return f"dot://{urlsplit(origin).netloc}"
