"""Letting Dot answer a set of questions with known answers, as a gate in a DAG."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from dot_provider._airflow import AirflowSkipException, conf
from dot_provider.api.errors import DotUsageError
from dot_provider.links.dot import DotLink, link_to
from dot_provider.operators.dot_operator import DotOperator, deferral_timeout
from dot_provider.operators.retry_state import can_remember, recall, remember

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dot_provider.api.arguments import Seconds
    from dot_provider.api.client import DotClient
    from dot_provider.api.evaluations import EvaluationRun

Gate = Literal["fail", "skip", "warn"]
GATES = ("fail", "skip", "warn")

KEPT = "evaluation_run"
"""What the run of an earlier try is remembered under."""


class DotRunEvaluationOperator(DotOperator):
    """Run an evaluation and let the DAG go on only where it passes.

    ``POST /evaluations/{evaluation_id}/runs``, ``GET /evaluation_runs/{run_id}``. A run that is under way, such as that
    of a crashed try, is waited for instead of starting a second one. On Airflow 3.3 and newer a retry also takes the
    verdict of a run that ended between two tries. Clearing the task starts another run.

    Args:
        evaluation_id: the evaluation's id in Dot.
        min_pass_rate: share of the questions (0 to 1) that must pass, instead of Dot's verdict. A question that
            ended in an error, or has no answer, fails the run whatever the share.
        questions: ids, titles or wordings of questions that must pass whatever the rest does.
        on_fail: what a run that did not pass does: ``fail`` the task, ``skip`` it and what comes after it, or
            ``warn`` in the log and go on.
        timeout: seconds, or a ``timedelta``, that the run may take.
        poll_interval: seconds, or a ``timedelta``, between two looks at the run.
        deferrable: wait in the triggerer, without a worker slot.

    Returns:
        ``run_id``, ``evaluation_id``, ``verdict`` and the number of questions: ``total``, ``passed``, ``failed``,
        ``errors``. XCom ``evaluation_run`` holds the same, also where the task fails or is skipped.

    Example:
        >>> DotRunEvaluationOperator(task_id="gate", evaluation_id="finance-basics", on_fail="skip") >> publish
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "evaluation_id")
    operator_extra_links = (DotLink(),)

    def __init__(
        self,
        *,
        evaluation_id: str,
        min_pass_rate: float | None = None,
        questions: Sequence[str] = (),
        on_fail: Gate = "fail",
        timeout: Seconds = 3600,
        poll_interval: Seconds = 10,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_fail not in GATES:
            raise DotUsageError(f"Task {self.task_id}: on_fail must be one of {', '.join(GATES)}, not {on_fail!r}.")
        from dot_provider.api.arguments import checked_share, checked_texts

        self.evaluation_id = evaluation_id
        self.min_pass_rate = checked_share(f"Task {self.task_id}: min_pass_rate", min_pass_rate)
        self.questions = checked_texts(f"Task {self.task_id}: questions", questions)
        self.on_fail = on_fail
        self.timeout = self._seconds("timeout", timeout)
        self.poll_interval = self._seconds("poll_interval", poll_interval)
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Start the run, or attach to the active one, and wait for its verdict."""
        from dot_provider.api.evaluations import wait_for_evaluation

        with self.dot() as dot:
            deadline = time.time() + self.timeout
            run = self._start_or_attach(context, dot)
            link_to(context, dot.server.origin)
            if self.deferrable and not run.finished:
                self._defer(run.id, deadline)
            finished = dot.run(
                wait_for_evaluation(
                    run.id,
                    deadline=deadline,
                    poll_interval=self.poll_interval,
                    evaluation_id=self.evaluation_id,
                )
            )
            return self._judge(context, finished)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Read the run that the trigger watched, and judge it."""
        from dot_provider.triggers.events import checked_event

        with self.dot() as dot:
            event = checked_event(event, run_id=str)
            return self._judge(context, watched_run(dot, event, self.evaluation_id))

    def _start_or_attach(self, context: Context, dot: DotClient) -> EvaluationRun:
        from dot_provider.api.evaluations import start_or_attach

        if context["ti"].try_number > 1 and not can_remember(context):
            self.log.info(
                "This Airflow keeps nothing between tries, which 3.3 and newer do: "
                "if the run of an earlier try has ended, another is started."
            )
        kept = recall(context, KEPT) or {}
        run_id = kept.get("run_id") if kept.get("evaluation_id") == self.evaluation_id else None
        run = dot.run(start_or_attach(self.evaluation_id, run_id))
        remember(context, KEPT, {"evaluation_id": self.evaluation_id, "run_id": run.id})
        return run

    def _defer(self, run_id: str, deadline: float) -> None:
        from dot_provider.triggers.evaluation import DotEvaluationTrigger

        self.defer(
            trigger=DotEvaluationTrigger(
                dot_conn_id=self.dot_conn_id,
                environment=self.environment,
                run_id=run_id,
                deadline=deadline,
                poll_interval=self.poll_interval,
            ),
            method_name="execute_complete",
            timeout=deferral_timeout(deadline),
        )

    def _judge(self, context: Context, run: EvaluationRun) -> dict[str, Any]:
        record = run_record(run)
        context["ti"].xcom_push(key="evaluation_run", value=record)
        self.log.info("Evaluation %s: %s", run.evaluation_id, run.text)
        passed = run.meets(self.min_pass_rate, self.questions)
        if passed or self.on_fail == "warn":
            if not passed:
                self.log.warning("The evaluation did not pass; the DAG goes on because of on_fail='warn'.")
            self.describe_outlets(context, record)
            return record
        if self.on_fail == "skip":
            raise AirflowSkipException(f"Evaluation run {run.id} did not pass: {run.text}.")
        run.require_pass(self.min_pass_rate, self.questions)
        return record


def run_record(run: EvaluationRun) -> dict[str, Any]:
    """Return a run as plain values, for XCom."""
    return {
        "run_id": run.id,
        "evaluation_id": run.evaluation_id,
        "verdict": run.verdict,
        "total": run.total,
        "passed": run.passed,
        "failed": run.failed,
        "errors": run.errors,
    }


def watched_run(dot: DotClient, event: Any, evaluation_id: str = "") -> EvaluationRun:
    """Return the finished run behind a trigger's event.

    Raises:
        DotTimeoutError: it has not finished within its time.
        DotProtocolError: the triggerer could not follow it; a retry can.
    """
    from dot_provider.api.evaluations import evaluation_run, wait_for_evaluation
    from dot_provider.triggers.events import lost_sight

    run = dot.send(evaluation_run(event["run_id"], evaluation_id))
    if run.finished:
        return run
    if event["status"] == "timeout":
        return dot.run(wait_for_evaluation(run.id, deadline=0, evaluation_id=evaluation_id))
    raise lost_sight(event, f"evaluation run {run.id}")
