"""dbt: report a run to Dot, fetch Dot's dashboards as exposures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dot_provider.api.call import Call
from dot_provider.api.errors import DotUsageError
from dot_provider.api.models.exposures import DbtExposures
from dot_provider.api.models.reply import Reply
from dot_provider.api.paths import api_path

REPORT_TIMEOUT = 300.0
"""Seconds that a report may take: a manifest of a large project has tens of megabytes."""


def report_dbt_run(run_results: Mapping[str, Any], manifest: Mapping[str, Any]) -> Call[Reply]:
    """Report a dbt run, so that failing models, tests and stale sources show on Dot's dashboards until they pass.

    ``POST /dbt/run_results``; needs an admin's token. The same report twice gives the same incidents.

    Args:
        run_results: the content of dbt's ``run_results.json``.
        manifest: the content of dbt's ``manifest.json``.

    Raises:
        DotUsageError: one of them is not what dbt writes.
    """
    _check_artifact("run_results", run_results, "results")
    _check_artifact("manifest", manifest, "nodes")
    return Call(
        "report dbt run",
        "POST",
        api_path("dbt", "run_results"),
        Reply,
        body={"run_results": run_results, "manifest": manifest},
        slow=REPORT_TIMEOUT,
        event="Reported the dbt run to Dot",
    )


def dbt_exposures(connection_id: str | None = None) -> Call[DbtExposures]:
    """Return Dot's dashboards as dbt exposures. ``GET /dbt/exposures?format=json``; admin or modeler."""
    return Call(
        "fetch dbt exposures",
        "GET",
        api_path("dbt", "exposures"),
        DbtExposures.from_record,
        query={"format": "json", **_connection(connection_id)},
    )


def dbt_exposures_yaml(connection_id: str | None = None) -> Call[str]:
    """Return Dot's dashboards as the text of an ``exposures.yml``. ``GET /dbt/exposures?format=yaml``."""
    return Call(
        "fetch dbt exposures",
        "GET",
        api_path("dbt", "exposures"),
        str,
        query={"format": "yaml", **_connection(connection_id)},
        accepts="text",
    )


def _connection(connection_id: str | None) -> dict[str, str]:
    return {"connection_id": connection_id} if connection_id else {}


def _check_artifact(name: str, value: Any, key: str) -> None:
    if not isinstance(value, Mapping) or key not in value:
        raise DotUsageError(f"{name} must be the content of dbt's {name}.json, an object with {key!r}.")
