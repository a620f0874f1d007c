"""The artifacts of a run of dbt Cloud, read by its own Airflow provider, ``apache-airflow-providers-dbt-cloud``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dot_provider._airflow import AirflowException, AirflowSkipException
from dot_provider.api.dbt import not_executed
from dot_provider.api.errors import DotConfigError, DotTransientError, DotUsageError
from dot_provider.api.records import list_of, record_of
from dot_provider.dbt.artifacts import DbtArtifacts, merge_run_results, read_manifest

_RESULTS = ("sources.json", "run_results.json")
_UNSUCCESSFUL = {20: "error", 30: "cancelled"}
_RUNNING = (1, 2, 3)


def read_dbt_cloud_run(run_id: str, conn_id: str) -> DbtArtifacts:
    """Return what all steps of a run did, merged: by itself dbt Cloud hands out the last step's, often docs.

    Args:
        run_id: the id of the run, which ``DbtCloudRunJobOperator`` pushes as XCom ``job_run_id``, also where it fails.
        conn_id: Airflow connection of type ``dbt_cloud``.

    Raises:
        DotUsageError: there is no such run, or it is under way, or it ended well without having run anything, or there
            is no manifest beside its results.
        DotConfigError: the provider of dbt Cloud is not installed.
        DotTransientError: dbt Cloud cannot be reached now, or what it hands out is no artifact.
        AirflowSkipException: the run ended badly or was cancelled, before it wrote results.
    """
    if not re.fullmatch(r"\d+", run_id):
        raise DotUsageError(
            f"dbt_cloud_run_id must be the number of a run, such as XCom job_run_id, not {run_id[:40]!r}."
        )
    try:
        from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise DotConfigError(
            "dbt_cloud_run_id needs Airflow's provider: pip install apache-airflow-providers-dbt-cloud"
        ) from None
    hook = DbtCloudHook(conn_id)
    number = int(run_id)
    found = _fetch(hook.get_job_run, number, include_related=["run_steps"])
    if found is None:
        raise DotUsageError(f"dbt Cloud has no run {run_id} in the account of the connection {conn_id!r}.")
    run = record_of(found, "data")
    if run.get("status") in _RUNNING:
        raise DotUsageError(f"The run {run_id} of dbt Cloud has not ended: wait for it before this task.")
    steps = [step for step in list_of(run, "run_steps") if isinstance(step, Mapping)]
    if kept := list(_executed(hook, number, steps)):
        last = kept[-1][0]
        if (manifest := _fetch(hook.get_job_run_artifact, number, path="manifest.json", step=last)) is None:
            raise DotUsageError(f"dbt Cloud has results of step {last} of run {run_id}, but no manifest.json of it.")
        return DbtArtifacts(merge_run_results(document for _, document in kept), read_manifest(manifest))
    said = f"dbt Cloud has no results of run {run_id}"
    if state := _UNSUCCESSFUL.get(run.get("status", 0)):
        raise AirflowSkipException(f"{said} (state {state}): there is nothing to report.")
    named = "none of its steps has any of a command that runs models or tests" if steps else "it names no steps"
    raise DotUsageError(f"{said}: {named}.")


def _executed(hook: Any, run_id: int, steps: list[Mapping[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """Yield index and results of each step that ran models or tests, or checked sources."""
    for step in steps:
        index, found = step.get("index"), False
        for file in _RESULTS:
            document = _fetch(hook.get_job_run_artifact, run_id, path=file, step=index)
            found = found or document is not None
            if document is not None and (wrong := not_executed(document)):
                hook.log.info("Step %s of dbt Cloud's run %s is left out. %s", index, run_id, wrong)
            elif document is not None:
                yield index, document
        if not found:
            hook.log.info("Step %s (%s) of dbt Cloud's run %s has no results", index, step.get("name"), run_id)


def _fetch(get: Any, run_id: int, **arguments: Any) -> Any:
    """Return the JSON object of an answer, None where dbt Cloud does not have it."""
    what = (
        f"{arguments['path']} of step {arguments['step']} of run {run_id}" if "path" in arguments else f"run {run_id}"
    )
    try:
        document = get(run_id=run_id, **arguments).json()
    except AirflowException as error:  # has the status in its text alone
        if str(error).startswith("404"):
            return None
        raise DotTransientError(f"dbt Cloud did not hand out {what}: {error}") from error
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, Mapping):
        raise DotTransientError(f"dbt Cloud handed out {what}, which is no JSON object: a sign-in page, or cut off.")
    return document
