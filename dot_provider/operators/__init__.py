"""Airflow operators for Dot, one module per noun; names are loaded when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dot_provider._lazy import lazy_names

if TYPE_CHECKING:
    from dot_provider.operators.ask import DotAskOperator
    from dot_provider.operators.dbt_exposures import DotFetchDbtExposuresOperator
    from dot_provider.operators.dbt_run import DotReportDbtRunOperator
    from dot_provider.operators.environments import (
        DotCreateEnvironmentOperator,
        DotDeleteEnvironmentOperator,
        DotDiffEnvironmentOperator,
        DotMergeEnvironmentOperator,
        DotSyncEnvironmentOperator,
    )
    from dot_provider.operators.evaluation import DotRunEvaluationOperator
    from dot_provider.operators.external_assets import DotPushExternalAssetsOperator
    from dot_provider.operators.history import DotExportEvaluationsOperator, DotExportHistoryOperator
    from dot_provider.operators.incidents import DotReportIncidentsOperator
    from dot_provider.operators.note import DotUpsertNoteOperator
    from dot_provider.operators.sync import DotSyncConnectionOperator
    from dot_provider.operators.users import DotManageUsersOperator

__all__ = [
    "DotAskOperator",
    "DotCreateEnvironmentOperator",
    "DotDeleteEnvironmentOperator",
    "DotDiffEnvironmentOperator",
    "DotExportEvaluationsOperator",
    "DotExportHistoryOperator",
    "DotFetchDbtExposuresOperator",
    "DotManageUsersOperator",
    "DotMergeEnvironmentOperator",
    "DotPushExternalAssetsOperator",
    "DotReportDbtRunOperator",
    "DotReportIncidentsOperator",
    "DotRunEvaluationOperator",
    "DotSyncConnectionOperator",
    "DotSyncEnvironmentOperator",
    "DotUpsertNoteOperator",
]

_HOMES = {
    "DotAskOperator": "ask",
    "DotCreateEnvironmentOperator": "environments",
    "DotDeleteEnvironmentOperator": "environments",
    "DotDiffEnvironmentOperator": "environments",
    "DotExportEvaluationsOperator": "history",
    "DotExportHistoryOperator": "history",
    "DotFetchDbtExposuresOperator": "dbt_exposures",
    "DotManageUsersOperator": "users",
    "DotMergeEnvironmentOperator": "environments",
    "DotPushExternalAssetsOperator": "external_assets",
    "DotReportDbtRunOperator": "dbt_run",
    "DotReportIncidentsOperator": "incidents",
    "DotRunEvaluationOperator": "evaluation",
    "DotSyncConnectionOperator": "sync",
    "DotSyncEnvironmentOperator": "environments",
    "DotUpsertNoteOperator": "note",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
