"""What OpenLineage hears of the data that moved. Imported only where Airflow's OpenLineage provider asks for it."""

from __future__ import annotations

from collections.abc import Mapping
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
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(outputs=[Dataset(_dot(origin), f"connections/{connection_type}/{connection_id}")])


def exported(origin: str, warehouse: WarehouseDestination, result: LoadResult) -> Any:
    """Return the lineage of an export: Dot's history, and both tables with the number of rows written."""
    from airflow.providers.common.compat.openlineage.facet import (
        Dataset,
        OutputDataset,
        OutputStatisticsOutputDatasetFacet,
    )
    from airflow.providers.openlineage.extractors import OperatorLineage

    namespace, database = place_of(warehouse)
    prefix = f"{database}." if database else ""
    rows = zip(result.tables, (result.conversations, result.messages), strict=True)
    return OperatorLineage(
        inputs=[Dataset(_dot(origin), "history")],
        outputs=[
            OutputDataset(
                namespace=namespace,
                name=prefix + table,
                outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=count)},
            )
            for table, count in rows
        ],
    )


def place_of(warehouse: WarehouseDestination) -> tuple[str, str]:
    """Return namespace and database of a warehouse as OpenLineage names them; nothing secret is in them."""
    kind, credentials = warehouse.destination, warehouse.credentials
    if not isinstance(credentials, Mapping):
        return kind, ""
    if kind == "bigquery":
        return "bigquery", str(credentials.get("project_id") or "")
    if kind == "databricks":
        return f"databricks://{credentials['server_hostname']}", str(credentials["catalog"])
    database = str(credentials.get("database") or "")
    host, port = credentials.get("host"), credentials.get("port")
    if not host:
        return kind, database
    return f"{kind}://{host}" + (f":{port}" if port else ""), database


def _dot(origin: str) -> str:
    return f"dot://{urlsplit(origin).netloc}"
