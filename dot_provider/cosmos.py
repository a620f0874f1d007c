"""What Cosmos's tasks leave of dbt's artifacts: kept by each task, read as those of one run by the report behind them.

Cosmos runs dbt once per task, in a folder of its own that it deletes. ``keep_dbt_artifacts`` is its callback::

    shop = DbtTaskGroup(
        ...,
        operator_args={
            "callback": "dot_provider.cosmos.keep_dbt_artifacts",
            "callback_args": {"folder": "s3://bucket/dbt"},
        },
    )
    shop >> dot_after_dbt(artifacts_folder="s3://bucket/dbt", connection_id="shop")
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dot_provider.api.answer_files import folder_name
from dot_provider.api.errors import DotUsageError
from dot_provider.dbt.artifacts import DbtArtifacts, merge_run_results, read_manifest
from dot_provider.dbt.exposures import replace_file
from dot_provider.operators.paths import AnyPath, opened

if TYPE_CHECKING:
    from airflow.sdk import Context

_log = logging.getLogger(__name__)
_ENDING = ".run_results.json"


def keep_dbt_artifacts(project_dir: str, *, folder: AnyPath, context: Context, **_: Any) -> None:
    """Copy the artifacts of one of Cosmos's tasks to where the report of the run finds them.

    Cosmos calls it after dbt has ended, also after a failure. What goes wrong here is logged, and fails no task.

    Args:
        project_dir: where Cosmos has run dbt.
        folder: where the artifacts of all runs are kept, local or in object storage; each run has a folder of its own.
        context: of the task.
    """
    try:
        target, ti = Path(project_dir) / "target", context["ti"]
        kept = run_folder(folder, ti.dag_id, ti.run_id)
        # A file per task, which a retry overwrites; the manifests differ in nothing that Dot reads.
        name = f"{ti.task_id}.{ti.map_index}{_ENDING}"
        if getattr(kept, "protocol", "file") == "file":  # other storages have no folders
            kept.mkdir(parents=True, exist_ok=True)
        for source, copy in (("manifest.json", kept / "manifest.json"), ("run_results.json", kept / name)):
            if (target / source).is_file() and not (source == "manifest.json" and copy.exists()):
                content = (target / source).read_bytes()
                replace_file(copy, content) if isinstance(copy, Path) else copy.write_bytes(content)
    except Exception as error:
        # Raising would fail a dbt task that did its work.
        _log.error("dbt's artifacts were not kept for the report to Dot: %s: %s", type(error).__name__, error)


def run_folder(folder: AnyPath, dag_id: str, run_id: str) -> Any:
    """Return the path of the folder in ``folder`` that holds the artifacts of one DAG run."""
    return opened(folder, "artifacts_folder") / dag_id / folder_name(run_id)


def read_kept_artifacts(kept: Any) -> DbtArtifacts:
    """Return what the tasks of one run left in its folder, as one document: of each node its last result.

    Raises:
        DotUsageError: there are no results of any task, or they are not what dbt writes.
    """
    names = sorted(str(path.name) for path in kept.iterdir()) if kept.exists() else []
    results: list[Any] = [kept / name for name in names if name.endswith(_ENDING)]
    if not results:
        raise DotUsageError(
            f"There are no results of any task in {kept}: has each of Cosmos's operators the callback "
            "keep_dbt_artifacts with this folder, and did one of them run dbt?"
        )
    return DbtArtifacts(merge_run_results(results), read_manifest(kept))
