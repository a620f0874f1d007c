"""Reporting a dbt run to Dot, whether it succeeded or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.operators.dot_operator import DotOperator
from dot_provider.operators.files import AnyPath, opened

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

    Returns:
        ``ok``, ``project``, ``command``, ``seconds``, ``counts`` (nodes by dbt's status) and the names of the nodes
        that ``failed`` and ``warned``.

    Example:
        >>> dbt_build >> DotReportDbtRunOperator(task_id="report", target_path="/opt/dbt/shop/target")
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "target_path", "run_results", "manifest")

    def __init__(
        self,
        *,
        target_path: AnyPath | None = None,
        run_results: AnyPath | Mapping[str, Any] | None = None,
        manifest: AnyPath | Mapping[str, Any] | None = None,
        trigger_rule: str = "all_done",
        **kwargs: Any,
    ) -> None:
        super().__init__(trigger_rule=trigger_rule, **kwargs)
        self.target_path = target_path
        self.run_results = run_results
        self.manifest = manifest

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the artifacts, send them, and return a summary."""
        from dot_provider.dbt import read_artifacts, summarize

        with self.dot() as dot:
            artifacts = read_artifacts(
                _artifact(self.target_path, "target_path"),
                run_results=_artifact(self.run_results, "run_results"),
                manifest=_artifact(self.manifest, "manifest"),
            )
            if artifacts.mismatch:
                self.log.warning("%s", artifacts.mismatch)
            summary = summarize(artifacts)
            self.log.info("%s", summary.text)
            dot.report_dbt_run(artifacts.run_results, artifacts.manifest)
        return {
            "ok": summary.ok,
            "project": summary.project,
            "command": summary.command,
            "seconds": summary.seconds,
            "counts": dict(summary.counts),
            "failed": [node.name for node in summary.failed],
            "warned": [node.name for node in summary.warned],
        }


def _artifact(source: AnyPath | Mapping[str, Any] | None, field: str) -> Any:
    return source if source is None or isinstance(source, Mapping) else opened(source, field)
