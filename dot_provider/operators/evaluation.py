"""Letting Dot answer a set of questions with known answers, as a gate in a DAG."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from dot_provider._airflow import AirflowException, AirflowSkipException, conf
from dot_provider.api.errors import DotUsageError
from dot_provider.links.dot import DotLink, link_to
from dot_provider.operators.dot_operator import DotOperator, deferral_timeout
from dot_provider.operators.paths import AnyPath, as_text, opened
from dot_provider.operators.retry_state import can_remember, recall, remember

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from dot_provider.api.arguments import Seconds
    from dot_provider.api.client import DotClient
    from dot_provider.api.evaluations import EvaluationRun
    from dot_provider.api.gate import Gate as Judged
    from dot_provider.api.run_evaluation import EvaluationRequest, Waiting
    from dot_provider.api.settings import Server
    from dot_provider.evaluations.relations import Relations
    from dot_provider.evaluations.suite import EvaluationSuite

Gate = Literal["fail", "skip", "warn"]

KEPT = "evaluation_run"
"""What the request and the runs of an earlier try are remembered under."""

_EVENTS = 100
"""How many events of the baseline's asset are looked through for one that passed."""


class DotRunEvaluationOperator(DotOperator):
    """Run an evaluation and let the DAG go on only where it passes.

    ``POST /evaluations/{evaluation_id}/runs``, ``GET /evaluation_runs/{run_id}``. A retry gets the run that an earlier
    try started, by its idempotency key and, on Airflow 3.3 and newer, by what the task keeps. Clearing the task starts
    another run. A run that somebody else has started is waited for, and never taken for this one.

    Args:
        evaluation_id: the evaluation's id in Dot; the suite's without it.
        suite_file: a suite of questions as YAML or JSON, local or in object storage, whose expected answers are
            computed and sent with the run; the questions that are saved in Dot without it.
        suite: the same as a mapping, also another task's output.
        sql_conn_id: Airflow connection that a suite's SQL runs on, unless a question names its own.
        dbt_manifest: dbt's target folder or ``manifest.json``, for ``ref`` and ``source`` in a suite.
        defer_manifest: the same of the state that a build with ``--defer`` left the rest to.
        mf_command: MetricFlow's command, for ``metric`` in a suite; a path where it has an environment of its own.
        dbt_project_dir: folder of the dbt project that MetricFlow runs in.
        min_pass_rate: share of the questions (0 to 1) that must pass; all without it. A question that ended in an
            error, or has no answer, is an error whatever the share.
        questions: ids, titles or wordings of questions that must pass whatever the rest does.
        baseline_run_id: an earlier run; a question that passed there must pass now, whatever the share.
        baseline_asset: an asset that a pass leaves its run at; the newest such run, of any DAG, is the baseline.
        confirm_failures: how often failed questions are asked again before they count; costs credits.
        target_environment: id of the environment that is tested, or ``production``; by default the one that the task
            works in (``environment``, or the connection's).
        expected_target_commit: commit of the target, 40 hexadecimal digits; another one ends the task.
        on_fail: what wrong answers do: ``fail`` the task, ``skip`` it and what comes after it, or ``warn`` in the log
            and go on.
        on_error: what a run does that says nothing about the answers: ``fail`` the task, or ``warn`` and go on.
        metadata: texts that Dot shows at the run.
        save_to: folder, local or in object storage, for ``junit.xml``, ``evaluation.json`` and ``evaluation.md``, which
            are written also where the task then fails.
        cancel_on_kill: cancel the run where the task is killed, or is late and has no retry left.
        timeout: seconds, or a ``timedelta``, that the run may take.
        poll_interval: seconds, or a ``timedelta``, between two looks at the run.
        deferrable: wait in the triggerer, without a worker slot.

    Returns:
        ``outcome`` (pass, fail, error), ``reasons``, ``run_id``, ``evaluation_id``, ``verdict``, the number of
        questions (``total``, ``passed``, ``failed``, ``errors``), ``pass_rate``, ``regressions``, ``recoveries``,
        ``flaky``, ``warned``, ``target_commit``, ``url`` and up to 200 ``questions``. XCom ``evaluation_run`` holds the
        same, also where the task fails or is skipped.

    Example:
        >>> DotRunEvaluationOperator(task_id="gate", evaluation_id="finance-basics", on_fail="skip") >> publish
        >>> DotRunEvaluationOperator(
        ...     task_id="gate",
        ...     suite_file="/opt/dbt/shop/evaluations/shop.yaml",
        ...     sql_conn_id="warehouse",
        ...     dbt_manifest="/opt/dbt/shop/target",
        ... )
    """

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        *("evaluation_id", "suite_file", "suite", "sql_conn_id", "dbt_manifest", "defer_manifest", "dbt_project_dir"),
        *("baseline_run_id", "target_environment", "expected_target_commit", "metadata", "save_to"),
        "expected_sql",  # for "Rendered Template" alone
    )
    template_fields_renderers = {"expected_sql": "sql"}
    overwrite_rtif_after_execution = True
    operator_extra_links = (DotLink(),)

    def __init__(
        self,
        *,
        evaluation_id: str | None = None,
        suite_file: AnyPath | None = None,
        suite: Mapping[str, Any] | None = None,
        sql_conn_id: str | None = None,
        dbt_manifest: AnyPath | None = None,
        defer_manifest: AnyPath | None = None,
        mf_command: Sequence[str] = ("mf",),
        dbt_project_dir: AnyPath | None = None,
        min_pass_rate: float | None = None,
        questions: Sequence[str] = (),
        baseline_run_id: str | None = None,
        baseline_asset: Asset | None = None,
        confirm_failures: int = 0,
        target_environment: str | None = None,
        expected_target_commit: str | None = None,
        on_fail: Gate = "fail",
        on_error: Literal["fail", "warn"] = "fail",
        metadata: Mapping[str, str] | None = None,
        save_to: AnyPath | None = None,
        cancel_on_kill: bool = True,
        timeout: Seconds = 3600,
        poll_interval: Seconds = 10,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if baseline_asset is not None:
            self.inlets, self.outlets = [*self.inlets, baseline_asset], [*self.outlets, baseline_asset]
        self._refuse_nonsense(locals())
        from dot_provider.api.arguments import checked_count, checked_share, checked_texts

        self.evaluation_id = evaluation_id
        self.suite_file = as_text(suite_file)
        self.suite = suite
        self.sql_conn_id = sql_conn_id
        self.dbt_manifest = as_text(dbt_manifest)
        self.defer_manifest = as_text(defer_manifest)
        self.mf_command = mf_command
        self.dbt_project_dir = as_text(dbt_project_dir)
        self.min_pass_rate = checked_share(f"Task {self.task_id}: min_pass_rate", min_pass_rate)
        self.questions = checked_texts(f"Task {self.task_id}: questions", questions)
        self.baseline_run_id = baseline_run_id
        self.baseline_asset = baseline_asset
        self.confirm_failures = checked_count(f"Task {self.task_id}: confirm_failures", confirm_failures)
        self.target_environment = target_environment
        self.expected_target_commit = expected_target_commit
        self.on_fail = on_fail
        self.on_error = on_error
        self.metadata = metadata
        self.save_to = as_text(save_to)
        self.cancel_on_kill = self._flag("cancel_on_kill", cancel_on_kill)
        self.timeout = self._seconds("timeout", timeout)
        self.poll_interval = self._seconds("poll_interval", poll_interval)
        self.deferrable = self._flag("deferrable", deferrable)
        self.expected_sql = ""
        self._killable: tuple[Server, str] | None = None
        self._killed, self._last_try = False, True

    def _refuse_nonsense(self, given: Mapping[str, Any]) -> None:
        """Refuse when the DAG is parsed what no run could make sense of."""
        for name, choices in (("on_fail", ("fail", "skip", "warn")), ("on_error", ("fail", "warn"))):
            if given[name] not in choices:
                raise DotUsageError(
                    f"Task {self.task_id}: {name} must be one of {', '.join(choices)}, not {given[name]!r}."
                )
        for one, other in (("suite_file", "suite"), ("baseline_run_id", "baseline_asset")):
            if given[one] is not None and given[other] is not None:
                raise DotUsageError(f"Task {self.task_id}: give {one} or {other}, not both.")
        if all(given[name] is None for name in ("evaluation_id", "suite_file", "suite")):
            raise DotUsageError(f"Task {self.task_id}: give evaluation_id, the id in Dot, or a suite_file.")
        if given["defer_manifest"] is not None and given["dbt_manifest"] is None:
            raise DotUsageError(f"Task {self.task_id}: defer_manifest needs dbt_manifest, that of the build itself.")

    def render_template(self, content: Any, context: Context, jinja_env: Any = None, seen_oids: Any = None) -> Any:
        """Render a template; a suite is rendered later, when ``ref`` is known, and MetricFlow's own never."""
        if content is getattr(self, "suite", None) and isinstance(content, Mapping):
            return content
        return super().render_template(content, context, jinja_env, seen_oids)

    def execute(self, context: Context) -> dict[str, Any]:
        """Compute what is expected, start the run or take that of an earlier try, and wait for its verdict."""
        from dot_provider.api.answer_files import check_writable
        from dot_provider.api.run_evaluation import EvaluationRequest

        with self.dot() as dot:
            if self.save_to is not None:
                check_writable(opened(self.save_to, "save_to"), "save_to")
            kept = self._recalled(context)
            request = EvaluationRequest(**kept["request"]) if kept else self._request(context, dot)
            self._remember(context, dot, request, kept.get("runs", ()))
            self._baseline(context, dot)  # one that is gone is told before a run is paid for
            return self._go_on(context, dot, request, kept.get("runs", ()), time.time() + self.timeout)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Read the run that the trigger watched, and go on from there."""
        from dot_provider.api.run_evaluation import EvaluationRequest
        from dot_provider.triggers.events import checked_event

        with self.dot() as dot:
            event = checked_event(event, run_id=str, carried=dict)
            carried = event["carried"]
            self.expected_sql = carried["sql"]
            request = EvaluationRequest(**carried["request"])
            return self._go_on(context, dot, request, carried["runs"], carried["deadline"], event)

    def on_kill(self) -> None:
        """Cancel the run, so that its open questions cost nothing; the retry of a task that was late waits for it."""
        self._killed = True
        late = type(sys.exc_info()[1]).__name__ == "AirflowTaskTimeout"  # while it is raised, Airflow calls this
        if self._killable is None or not self.cancel_on_kill or (late and not self._last_try):
            return
        from dataclasses import replace

        from dot_provider.api.client import DotClient
        from dot_provider.api.run_evaluation import cancel_quietly

        server, run_id = self._killable
        # A client of its own: the task's may be in the middle of a request.
        with suppress(Exception), DotClient.for_server(replace(server, timeout=10.0, retry_for=0)) as dot:
            dot.run(cancel_quietly(run_id))

    def _go_on(
        self,
        context: Context,
        dot: DotClient,
        request: EvaluationRequest,
        runs: Sequence[str],
        deadline: float,
        event: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Bring the run to its end, or leave for the triggerer, and judge it."""
        from dot_provider.api.run_evaluation import Waiting, evaluate
        from dot_provider.triggers.events import lost_sight

        ti = context["ti"]
        self._last_try = ti.try_number > (ti.max_tries or 0)
        link_to(self, context, dot.server.origin)
        sent, found = dot.run(
            evaluate(
                request,
                deadline=deadline,
                poll_interval=self.poll_interval,
                confirm_failures=self.confirm_failures,
                started=runs,
                on_start=lambda started: self._remember(context, dot, request, started),
                wait=not self.deferrable or (event is not None and event["status"] == "timeout"),
                cancel_late=self.cancel_on_kill and self._last_try,
                tries=ti.try_number,
                watched=event is not None,
            )
        )
        if isinstance(found, Waiting):
            if event is not None and event["status"] == "unreadable":
                raise lost_sight(event, f"evaluation run {found.run_id}")
            self._defer(found, sent, deadline)
        return self._finish(context, dot, sent, found)  # type: ignore[arg-type]

    def _defer(self, waiting: Waiting, request: EvaluationRequest, deadline: float) -> None:
        from dot_provider.triggers.evaluation import DotEvaluationTrigger

        carried = {"request": request.to_record(), "deadline": deadline, "runs": list(waiting.started)}
        self.defer(
            trigger=DotEvaluationTrigger(
                dot_conn_id=self.dot_conn_id,
                environment=self.environment,
                run_id=waiting.run_id,
                deadline=deadline,
                poll_interval=self.poll_interval,
                cancel_on_kill=self.cancel_on_kill and waiting.run_id in waiting.started,
                carried={**carried, "sql": self.expected_sql},
            ),
            method_name="execute_complete",
            timeout=deferral_timeout(deadline),
        )

    def _finish(
        self, context: Context, dot: DotClient, request: EvaluationRequest, run: EvaluationRun
    ) -> dict[str, Any]:
        from dot_provider.evaluations.report import gate_record, gate_to_markdown, save_gate

        if self._killed and run.status.startswith("cancel"):  # on SIGTERM, Airflow calls on_kill and lets us go on
            raise AirflowException(f"The task was terminated, and evaluation run {run.id} cancelled.")
        gate = request.judge(
            run,
            min_pass_rate=self.min_pass_rate,
            baseline=self._baseline(context, dot),
            questions=self.questions,
        )
        record = gate_record(gate)
        context["ti"].xcom_push(key="evaluation_run", value=record)
        link_to(self, context, run.url)
        self.log.info("%s", gate_to_markdown(gate))
        if self.save_to is not None:
            record["saved"] = save_gate(gate, opened(self.save_to, "save_to"))
        return self._through(context, gate, record)

    def _through(self, context: Context, gate: Judged, record: dict[str, Any]) -> dict[str, Any]:
        """Let the DAG go on, or end the task, as the gate and the task's switches say."""
        goes_on = {"pass": True, "fail": self.on_fail == "warn", "error": self.on_error == "warn"}[gate.outcome]
        if gate.outcome == "fail" and self.on_fail == "skip":
            raise AirflowSkipException(f"Evaluation run {gate.run.id} did not pass: {gate.summary}")
        if not goes_on:
            gate.require_pass()
        if gate.outcome != "pass":
            self.log.warning("The evaluation did not pass (%s); the DAG goes on as the task says.", gate.outcome)
        self.describe_outlets(context, {name: value for name, value in record.items() if name != "questions"})
        return record

    def _request(self, context: Context, dot: DotClient) -> EvaluationRequest:
        from dot_provider.api.ask import chat_id_for
        from dot_provider.api.run_evaluation import evaluation_request

        ti, relations = context["ti"], self._relations()
        ids = {name: getattr(ti, name, "") for name in ("dag_id", "run_id", "task_id", "map_index")}
        built = relations.invocation_id if relations is not None else ""
        return evaluation_request(
            dot.server,
            self.evaluation_id,
            self._answered_suite(context, relations),
            target_environment=self.target_environment,
            expected_target_commit=self.expected_target_commit,
            # An automatic retry leaves max_tries alone and so gets the same run; a user's Clear raises it.
            work=chat_id_for("airflow", *ids.values(), ti.max_tries),
            metadata=self.metadata,
            facts={"orchestrator": "airflow", **ids, "dbt_invocation_id": built},
        )

    def _answered_suite(self, context: Context, relations: Relations | None) -> EvaluationSuite | None:
        """Return the suite with what is expected now; None where the questions are those that are saved in Dot."""
        from dot_provider.evaluations.metricflow import metricflow
        from dot_provider.evaluations.suite import EvaluationSuite
        from dot_provider.hooks.sql import sql_connection

        if isinstance(self.suite, str):
            raise DotUsageError("suite must be a mapping, not text: hand on another task's by its .output.")
        source = self.suite if self.suite_file is None else opened(self.suite_file, "suite_file")
        if source is None:
            return None
        suite = EvaluationSuite.read(source).with_answers(
            sql_connection,
            context,
            relations,
            jinja_env=self.dag.get_template_env(force_sandboxed=True),
            query_metrics=metricflow(self.mf_command, self.dbt_project_dir) if self.dbt_project_dir else None,
            conn_id=self.sql_conn_id or "",
            on_sql=self._show_sql,
        )
        suite.require(self.questions)
        self.log.info("Computed the expected answers of %d questions.", len(suite.questions))
        return suite

    def _show_sql(self, question: str, sql: str) -> None:
        self.expected_sql += f"-- {question}\n{sql};\n\n"

    def _relations(self) -> Relations | None:
        from dot_provider.dbt import read_manifest, read_run_results
        from dot_provider.evaluations.relations import Relations

        if self.dbt_manifest is None:
            return None
        folder = opened(self.dbt_manifest, "dbt_manifest")
        if self.defer_manifest is None:
            return Relations(read_manifest(folder))
        deferred = read_manifest(opened(self.defer_manifest, "defer_manifest"))
        return Relations(read_manifest(folder), read_run_results(folder), deferred)

    def _baseline(self, context: Context, dot: DotClient) -> EvaluationRun | None:
        """Return the baseline; None where no run has passed so far."""
        from dot_provider.api.gate import baseline_run

        if self.baseline_run_id is not None:
            return dot.evaluation_run(self.baseline_run_id)
        if self.baseline_asset is None:
            return None
        events = context["inlet_events"][self.baseline_asset]
        if hasattr(events, "ascending"):  # since Airflow 3.1; without it each event ever is read
            events = events.ascending(False).limit(_EVENTS)
        newest = sorted(events, key=lambda one: one.timestamp, reverse=True)
        passed = [one.extra.get("run_id") for one in newest if one.extra and one.extra.get("outcome") == "pass"]
        return dot.run(baseline_run(map(str, filter(None, passed))))

    def _recalled(self, context: Context) -> dict[str, Any]:
        if context["ti"].try_number > 1 and not can_remember(context):
            self.log.info(
                "This Airflow keeps nothing between tries, which 3.3 and newer do: if the expected answers have moved "
                "and the run of an earlier try has ended, another is started."
            )
        kept = recall(context, KEPT)
        return kept if isinstance(kept, dict) and "request" in kept else {}

    def _remember(self, context: Context, dot: DotClient, request: EvaluationRequest, runs: Sequence[str]) -> None:
        """Keep the request before it is sent, and then its runs: a retry sends the same numbers, or nothing."""
        remember(context, KEPT, {"request": request.to_record(), "runs": list(runs)})
        self._killable = (dot.server, runs[-1]) if runs else None
