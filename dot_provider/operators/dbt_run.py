"""Reporting a dbt run to Dot, whether it succeeded or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dot_provider._airflow import AirflowSkipException
from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator
from dot_provider.operators.paths import AnyPath, as_text, opened

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dot_provider.dbt import DbtArtifacts

_FAILED = {"failed", "upstream_failed"}
_DID_NOT_RUN = {"skipped", "upstream_failed", "removed"}


class DotReportDbtRunOperator(DotOperator):
    """Report a dbt run, so that failing models, tests and stale sources show on Dot's dashboards until they pass.

    ``POST /dbt/run_results``; needs an admin's token. It is a teardown: it runs also after a failed dbt task, because
    that is when there is something to report, and leaves the state of the DAG run to dbt. A failed dbt is no success
    because its report arrived, and a Dot that is down is no failure. Where dbt did not run, or failed before it wrote
    results, the task is skipped. The same report twice gives the same incidents.

    Args:
        target_path: folder that dbt writes to, local or in object storage.
        run_results: path of ``run_results.json`` or its parsed content, instead of the one in ``target_path``.
        manifest: path of ``manifest.json`` or its parsed content, instead of the one in ``target_path``.
        artifacts_folder: where Cosmos's tasks keep their artifacts, instead; see ``dot_provider.cosmos``.
        dbt_cloud_run_id: id of a run of dbt Cloud, instead, such as ``{{ ti.xcom_pull('dbt', key='job_run_id') }}``;
            the results of all its steps are reported.
        dbt_cloud_conn_id: Airflow connection of dbt Cloud.
        trigger_rule: makes an ordinary task of it, such as ``all_done``, whose state counts for the DAG run.
        since: results that dbt wrote before this moment are refused, because a dbt that does not compile or is skipped
            leaves those of the run before. ``"run"`` is the start of the DAG run, and refuses also what an earlier run
            of the DAG has reported; None takes results of any age, for a dbt that runs elsewhere.

    Returns:
        ``invocation_id``, ``ok`` (whether the tasks before this one and all that dbt ran succeeded), ``dbt_state`` (of
        those tasks: ``success`` or ``failed``), ``project``, ``command``, ``seconds``, ``counts`` (nodes by dbt's
        status) and the names of the nodes that ``failed`` and ``warned``.

    Raises:
        DotUsageError: when the DAG is parsed, results are to come from more than one place.

    Example:
        >>> dbt_build >> DotReportDbtRunOperator(task_id="report", target_path="/opt/dbt/shop/target")
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        *(
            "target_path",
            "run_results",
            "manifest",
            "since",
            "artifacts_folder",
            "dbt_cloud_run_id",
            "dbt_cloud_conn_id",
        ),
    )

    def __init__(
        self,
        *,
        target_path: AnyPath | None = None,
        run_results: AnyPath | Mapping[str, Any] | None = None,
        manifest: AnyPath | Mapping[str, Any] | None = None,
        artifacts_folder: AnyPath | None = None,
        dbt_cloud_run_id: str | int | None = None,
        dbt_cloud_conn_id: str = "dbt_cloud_default",
        since: datetime | str | None = "run",
        trigger_rule: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs, **({} if trigger_rule is None else {"trigger_rule": trigger_rule}))
        if trigger_rule is None:
            self.as_teardown()
        files = target_path if run_results is None and manifest is None else (run_results, manifest)
        if sum(source is not None for source in (files, artifacts_folder, dbt_cloud_run_id)) > 1:
            raise DotUsageError(
                f"Task {self.task_id}: give one of artifacts_folder, dbt_cloud_run_id and dbt's files (target_path, "
                "run_results, manifest)."
            )
        self.artifacts_folder = as_text(artifacts_folder)
        self.dbt_cloud_run_id = dbt_cloud_run_id
        self.dbt_cloud_conn_id = dbt_cloud_conn_id
        self.target_path = as_text(target_path)
        self.run_results = as_text(run_results)
        self.manifest = as_text(manifest)
        self.since = since

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the artifacts, send them, and return a summary."""
        from dot_provider.dbt import summarize

        states = _upstream_states(context)
        if states and states <= _DID_NOT_RUN and self.artifacts_folder is None:  # of Cosmos's tasks these are the last
            raise AirflowSkipException("dbt did not run, so there is nothing to report.")
        has_failed = not states.isdisjoint(_FAILED)
        with self.dot() as dot:
            try:
                artifacts = self._artifacts(context)
            except DotUsageError as error:
                if not states or (states - _DID_NOT_RUN and not has_failed):
                    raise
                self.log.warning("dbt did not succeed, and its results cannot be reported. %s", error)
                raise AirflowSkipException("dbt failed, and left no results that can be reported.") from None
            if artifacts.mismatch:
                self.log.warning("%s", artifacts.mismatch)
            summary = summarize(artifacts)
            self.log.info("%s", summary.text)
            if not summary.counts:
                raise AirflowSkipException("dbt ran nothing, so there is nothing to report.")
            dot.report_dbt_run(artifacts.run_results, artifacts.manifest)
        return {
            "invocation_id": artifacts.run_results["metadata"].get("invocation_id"),
            "ok": summary.ok and not has_failed,
            "dbt_state": "failed" if has_failed else "success",
            "project": summary.project,
            "command": summary.command,
            "seconds": summary.seconds,
            "counts": dict(summary.counts),
            "failed": [node.name for node in summary.failed],
            "warned": [node.name for node in summary.warned],
        }

    def _artifacts(self, context: Context) -> DbtArtifacts:
        """Return what dbt wrote in this run.

        Raises:
            DotUsageError: it wrote nothing, or not in this run.
        """
        from dot_provider.dbt import read_artifacts

        if self.artifacts_folder is not None:
            from dot_provider.cosmos import read_kept_artifacts, run_folder

            ti = context["ti"]
            return read_kept_artifacts(run_folder(self.artifacts_folder, ti.dag_id, ti.run_id))
        if self.dbt_cloud_run_id is not None:
            from dot_provider.hooks.dbt_cloud import read_dbt_cloud_run

            return read_dbt_cloud_run(str(self.dbt_cloud_run_id).strip(), self.dbt_cloud_conn_id)
        artifacts = read_artifacts(
            _artifact(self.target_path, "target_path"),
            run_results=_artifact(self.run_results, "run_results"),
            manifest=_artifact(self.manifest, "manifest"),
        )
        self._refuse_stale(context, artifacts.run_results)
        return artifacts

    def _refuse_stale(self, context: Context, run_results: Mapping[str, Any]) -> None:
        from dot_provider.api.dbt import too_old

        if self.since is None or isinstance(self.run_results, Mapping):  # a document names its run
            return
        by_run = self.since == "run"
        if wrong := too_old(run_results, _start(context) if by_run else self.since):
            raise DotUsageError(wrong)
        invocation = run_results["metadata"].get("invocation_id")
        if by_run and invocation and invocation == _reported_last(context):
            raise DotUsageError(f"A run of the DAG before this one has reported dbt's invocation {invocation}.")


def _start(context: Context) -> datetime | None:
    """Return the start of the DAG run. Clearing a task moves ``start_date``, so then it is when the run was due."""
    run = context.get("dag_run")
    if run is None:
        return None
    return run.run_after if run.clear_number else run.start_date or run.run_after


def _reported_last(context: Context) -> Any:
    """Return dbt's invocation that the DAG run before this one has reported; Airflow clears what this one returned."""
    if "ti" not in context:
        return None
    ti = context["ti"]
    found = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index, include_prior_dates=True)
    return found.get("invocation_id") if isinstance(found, Mapping) else None


def _upstream_states(context: Context) -> set[str]:
    if "ti" not in context or not (upstream := sorted(context["ti"].task.upstream_task_ids)):
        return set()
    ti: Any = context["ti"]
    if hasattr(ti, "get_task_states"):
        runs = ti.get_task_states(dag_id=ti.dag_id, task_ids=upstream, run_ids=[ti.run_id])
        states = [state for states in runs.values() for state in states.values()]
    else:  # Airflow 3.0 tries a DAG (`dags test`) with the instances of its database
        states = [one.state for one in ti.get_dagrun().get_task_instances() if one.task_id in upstream]
    return {str(getattr(state, "value", state)) for state in states}


def _artifact(source: AnyPath | Mapping[str, Any] | None, field: str) -> Any:
    return source if source is None or isinstance(source, Mapping) else opened(source, field)
