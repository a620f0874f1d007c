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


class DotReportDbtRunOperator(DotOperator):
    """Report a dbt run, so that failing models, tests and stale sources show on Dot's dashboards until they pass.

    ``POST /dbt/run_results``; needs an admin's token. Runs also after a failed dbt task (``trigger_rule="all_done"``),
    because that is when there is something to report. The same report twice gives the same incidents.

    Args:
        target_path: folder that dbt writes to, local or in object storage.
        run_results: path of ``run_results.json`` or its parsed content, instead of the one in ``target_path``.
        manifest: path of ``manifest.json`` or its parsed content, instead of the one in ``target_path``.
        since: results that dbt wrote before this moment are refused, because a dbt that does not compile or is skipped
            leaves those of the run before. ``"run"`` is the start of the DAG run, and refuses also what an earlier run
            of the DAG has reported; None takes results of any age, for a dbt that runs elsewhere.

    Returns:
        ``invocation_id``, ``ok``, ``project``, ``command``, ``seconds``, ``counts`` (nodes by dbt's status)
        and the names of the nodes that ``failed`` and ``warned``.

    Example:
        >>> dbt_build >> DotReportDbtRunOperator(task_id="report", target_path="/opt/dbt/shop/target")
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "target_path", "run_results", "manifest", "since")

    def __init__(
        self,
        *,
        target_path: AnyPath | None = None,
        run_results: AnyPath | Mapping[str, Any] | None = None,
        manifest: AnyPath | Mapping[str, Any] | None = None,
        since: datetime | str | None = "run",
        trigger_rule: str = "all_done",
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=trigger_rule, **kwargs)
        self.target_path = as_text(target_path)
        self.run_results = as_text(run_results)
        self.manifest = as_text(manifest)
        self.since = since

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the artifacts, send them, and return a summary."""
        from dot_provider.dbt import read_artifacts, summarize

        with self.dot() as dot:
            artifacts = read_artifacts(
                _artifact(self.target_path, "target_path"),
                run_results=_artifact(self.run_results, "run_results"),
                manifest=_artifact(self.manifest, "manifest"),
            )
            self._refuse_stale(context, artifacts.run_results)
            if artifacts.mismatch:
                self.log.warning("%s", artifacts.mismatch)
            summary = summarize(artifacts)
            self.log.info("%s", summary.text)
            dot.report_dbt_run(artifacts.run_results, artifacts.manifest)
        return {
            "invocation_id": artifacts.run_results["metadata"].get("invocation_id"),
            "ok": summary.ok,
            "project": summary.project,
            "command": summary.command,
            "seconds": summary.seconds,
            "counts": dict(summary.counts),
            "failed": [node.name for node in summary.failed],
            "warned": [node.name for node in summary.warned],
        }

    def _refuse_stale(self, context: Context, run_results: Mapping[str, Any]) -> None:
        """End the task where the results are of an earlier dbt run: as skipped where dbt was skipped in this one."""
        from dot_provider.api.dbt import too_old

        if self.since is None or isinstance(self.run_results, Mapping):  # a document names its run
            return
        by_run = self.since == "run"
        wrong = too_old(run_results, _start(context) if by_run else self.since)
        invocation = run_results["metadata"].get("invocation_id")
        if wrong is None and by_run and invocation and invocation == _reported_last(context):
            wrong = f"A run of the DAG before this one has reported dbt's invocation {invocation}: nothing was sent."
        if wrong is None:
            return
        states = _upstream_states(context)
        if states and states <= {"skipped", "removed"}:
            raise AirflowSkipException(f"dbt did not run, so there is nothing to report. {wrong}")
        raise DotUsageError(
            f"dbt did not succeed in this run. {wrong}" if states & {"failed", "upstream_failed"} else wrong
        )


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
    ti = context["ti"]
    runs = ti.get_task_states(dag_id=ti.dag_id, task_ids=upstream, run_ids=[ti.run_id])
    return {str(getattr(state, "value", state)) for states in runs.values() for state in states.values()}


def _artifact(source: AnyPath | Mapping[str, Any] | None, field: str) -> Any:
    return source if source is None or isinstance(source, Mapping) else opened(source, field)
