"""Airflow operators for Dot, one module per noun; names are loaded when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dot_provider.operators.ask import DotAskOperator
    from dot_provider.operators.dbt_run import DotReportDbtRunOperator
    from dot_provider.operators.external_assets import DotPushExternalAssetsOperator
    from dot_provider.operators.history import DotExportHistoryOperator
    from dot_provider.operators.sync import DotSyncConnectionOperator

__all__ = [
    "DotAskOperator",
    "DotExportHistoryOperator",
    "DotPushExternalAssetsOperator",
    "DotReportDbtRunOperator",
    "DotSyncConnectionOperator",
]

_MODULES = {
    "DotAskOperator": "ask",
    "DotExportHistoryOperator": "history",
    "DotPushExternalAssetsOperator": "external_assets",
    "DotReportDbtRunOperator": "dbt_run",
    "DotSyncConnectionOperator": "sync",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
