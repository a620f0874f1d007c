"""Dot (getdot.ai) for Dagster: sync after dbt, questions as assets, evaluations as checks, history in a warehouse.

    import dagster as dg
    from dagster_dot import DotResource, build_dot_question_asset, build_dot_sync_asset

    defs = dg.Definitions(
        assets=[
            build_dot_sync_asset(connection_type="dbt", connection_id="shop"),
            build_dot_question_asset(question="How many orders did we ship last week?"),
        ],
        resources={"dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"))},
    )

Each name is documented in its own module. dbt, dlt, pyarrow and the HTTP client are imported when they are first used.
``DotDbtProjectComponent`` is there where dagster-dbt is installed.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dagster_shared.libraries import DagsterLibraryRegistry

from dagster_dot.answer_sensor import build_dot_answer_sensor
from dagster_dot.components.evaluation import DotEvaluationComponent
from dagster_dot.components.workspace import DotWorkspaceComponent
from dagster_dot.dbt import report_dbt_run
from dagster_dot.evaluation import build_dot_evaluation_check
from dagster_dot.evaluation_history import DotEvaluationHistoryComponent, build_dot_evaluation_history_assets
from dagster_dot.exposures import DotExposuresComponent, build_dot_exposure_specs
from dagster_dot.external_assets import DotExternalAssetsComponent, build_dot_external_assets_asset
from dagster_dot.history import DotHistoryComponent, build_dot_history_assets
from dagster_dot.incidents import DotIncidentsComponent, build_dot_incident_sensor
from dagster_dot.note import DotNoteComponent, build_dot_note_asset
from dagster_dot.pull_request import DotPullRequestComponent, build_dot_pull_request_job
from dagster_dot.question import DotQuestionComponent, build_dot_question_asset
from dagster_dot.resource import DotResource
from dagster_dot.suite_checks import build_dot_evaluation_checks
from dagster_dot.sync import DotSyncComponent, after_upstream_updates, build_dot_sync_asset, build_dot_sync_assets
from dagster_dot.users import DotUsersComponent, build_dot_users_asset
from dot_provider import __version__

if TYPE_CHECKING:
    from dagster_dot.components.dbt_project import DotDbtProjectComponent

__all__ = [
    "DotDbtProjectComponent",
    "DotEvaluationComponent",
    "DotEvaluationHistoryComponent",
    "DotExposuresComponent",
    "DotExternalAssetsComponent",
    "DotHistoryComponent",
    "DotIncidentsComponent",
    "DotNoteComponent",
    "DotPullRequestComponent",
    "DotQuestionComponent",
    "DotResource",
    "DotSyncComponent",
    "DotUsersComponent",
    "DotWorkspaceComponent",
    "after_upstream_updates",
    "build_dot_answer_sensor",
    "build_dot_evaluation_check",
    "build_dot_evaluation_checks",
    "build_dot_evaluation_history_assets",
    "build_dot_exposure_specs",
    "build_dot_external_assets_asset",
    "build_dot_history_assets",
    "build_dot_incident_sensor",
    "build_dot_note_asset",
    "build_dot_pull_request_job",
    "build_dot_question_asset",
    "build_dot_sync_asset",
    "build_dot_sync_assets",
    "build_dot_users_asset",
    "report_dbt_run",
]

if find_spec("dagster_dbt") is None:
    __all__.remove("DotDbtProjectComponent")


def __getattr__(name: str) -> Any:
    if name != "DotDbtProjectComponent":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if find_spec("dagster_dbt") is None:
        raise ImportError("DotDbtProjectComponent needs the package dagster-dbt: pip install dagster-dbt.")
    from dagster_dot.components.dbt_project import DotDbtProjectComponent

    return DotDbtProjectComponent


def __dir__() -> list[str]:
    # What `dg list components` looks through.
    return sorted({*globals(), *__all__})


DagsterLibraryRegistry.register("dagster-dot", __version__, is_dagster_package=False)
