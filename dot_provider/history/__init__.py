"""Dot's conversation history in any warehouse: records -> Arrow tables -> dlt, two tables, one transaction.

    records or bytes ── source ── stage ── rows ── tables ── publish ──▶ conversations, messages
                       (stream)   (disk) (tolerant) (Arrow)  (dlt or its driver, then SQL)

This package knows no orchestrator, and of Dot only the client that `export_history` is given: what is loaded is what
``GET /export_history`` answers for the dates of a `HistoryWindow`. Importing it is cheap; dlt and pyarrow load
with the first `load_history`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dot_provider._lazy import lazy_names

if TYPE_CHECKING:
    from dot_provider.history.connections import destination_from_connection
    from dot_provider.history.destination import WarehouseDestination
    from dot_provider.history.dlt_source import dot_source
    from dot_provider.history.evaluations import export_evaluations, load_evaluation_runs
    from dot_provider.history.export import export_history
    from dot_provider.history.load import LoadResult, load_history
    from dot_provider.history.load_errors import HistoryLoadError
    from dot_provider.history.window import HistoryWindow

__all__ = [
    "HistoryLoadError",
    "HistoryWindow",
    "LoadResult",
    "WarehouseDestination",
    "destination_from_connection",
    "dot_source",
    "export_evaluations",
    "export_history",
    "load_evaluation_runs",
    "load_history",
]

_HOMES = {
    "HistoryLoadError": "load_errors",
    "HistoryWindow": "window",
    "LoadResult": "load",
    "WarehouseDestination": "destination",
    "destination_from_connection": "connections",
    "dot_source": "dlt_source",
    "export_evaluations": "evaluations",
    "export_history": "export",
    "load_evaluation_runs": "evaluations",
    "load_history": "load",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
