"""Waiting for the verdict of an evaluation run that something else has started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.sensors.dot_sensor import DotSensor

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from dot_provider.api.client import DotClient


class DotEvaluationSensor(DotSensor):
    """Wait until an evaluation run has finished, and fail unless it passed. Only reads: ``GET /evaluation_runs/{id}``.

    Args:
        run_id: the run, such as ``evr_...``.
        require_pass: False to return the verdict, whatever it is.
        min_pass_rate: share of the questions (0 to 1) that must pass, as for ``DotRunEvaluationOperator``.

    Example:
        >>> DotEvaluationSensor(task_id="wait", run_id="{{ dag_run.conf['run_id'] }}", deferrable=True)
    """

    template_fields: Sequence[str] = (*DotSensor.template_fields, "run_id")

    def __init__(
        self, *, run_id: str, require_pass: bool = True, min_pass_rate: float | None = None, **kwargs: Any
    ) -> None:
        from dot_provider.api.arguments import checked_flag, checked_share

        super().__init__(**kwargs)
        self.min_pass_rate = checked_share(f"Task {self.task_id}: min_pass_rate", min_pass_rate)
        self.run_id = run_id
        self.require_pass = checked_flag(f"Task {self.task_id}: require_pass", require_pass)

    def look(self, dot: DotClient, context: Context) -> dict[str, Any] | None:
        """Return the finished run as plain values, None while it runs."""
        from dot_provider.api.evaluations import evaluation_run
        from dot_provider.api.gate import judge
        from dot_provider.evaluations.report import gate_record

        run = dot.send(evaluation_run(self.run_id))
        if not run.finished:
            return None
        gate = judge(run, min_pass_rate=self.min_pass_rate)
        return gate_record(gate.require_pass() if self.require_pass else gate)

    def make_trigger(self, deadline: float) -> BaseTrigger:
        """Return the trigger that watches the run."""
        from dot_provider.triggers.evaluation import DotEvaluationTrigger

        return DotEvaluationTrigger(
            dot_conn_id=self.dot_conn_id,
            environment=self.environment,
            run_id=self.run_id,
            deadline=deadline,
            poll_interval=self.poke_interval,
        )
