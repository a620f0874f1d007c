"""Evaluations of Dot's answers as asset checks, and what all of these checks do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import CheckResults, build_check_step, metadata_table
from dagster_dot.asset_options import StepOptions, distinct_names, refuse_repetition
from dagster_dot.dagster_internals import StepContext, judged_runs, recall, remember, step_name
from dot_provider.api import DotUsageError, chat_id_for
from dot_provider.api.arguments import Seconds, checked_flag, checked_seconds, checked_share, checked_texts
from dot_provider.api.evaluations import POLL_INTERVAL, start_evaluation_run
from dot_provider.api.gate import Gate
from dot_provider.api.run_evaluation import (
    EVALUATION_TIMEOUT,
    MAX_TRIES,
    EvaluationRequest,
    cancel_quietly,
    evaluate,
    evaluation_request,
)
from dot_provider.evaluations.report import deviation, ordered

if TYPE_CHECKING:
    from dot_provider.api import DotClient, EvaluationRun


def build_dot_evaluation_check(
    *,
    evaluation_id: str,
    asset: dg.AssetKey | dg.AssetsDefinition | str | Sequence[str],
    name: str = "dot_evaluation",
    questions: Sequence[str] = (),
    min_pass_rate: float | None = None,
    blocking: bool = False,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    on_fail: Literal["fail", "warn"] = "fail",
    timeout: Seconds = EVALUATION_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
    **options: Unpack[StepOptions],
) -> dg.AssetChecksDefinition:
    """Build the check that runs an evaluation of Dot's: does Dot still answer right, now that this asset changed?

    ``POST /evaluations/{id}/runs``, then ``GET /evaluation_runs/{run_id}`` until it has finished. One run gives the
    results of all checks; a run that is under way already is waited for instead. A step that is tried again takes the
    run that its earlier try started; a new run of Dagster's, also a re-execution, starts its own.

    Args:
        evaluation_id: the evaluation's id in Dot.
        asset: what is checked, usually the sync of a connection.
        name: name of the check on the whole run.
        questions: names or ids of questions in the evaluation that get a check of their own, beside the one on the
            whole. Where Dot's run lists its questions, one that is not among them fails the step, after the verdict
            on the whole was shown. Where it lists none, their checks say so and pass where
            all questions passed, whatever ``min_pass_rate`` allows.
        min_pass_rate: share of the questions (0 to 1) that must pass, instead of Dot's verdict. A question that
            ended in an error, or has no answer, fails the check whatever the share.
        blocking: True to keep what is downstream from running after a failed check.
        severity: severity of a failed check; only ``ERROR`` blocks.
        on_fail: ``warn`` for the severity ``WARN``, by the word that Airflow's operator knows.
        timeout: seconds that the evaluation may take. In Python also a ``timedelta``.
        poll_interval: seconds between two looks at it. In Python also a ``timedelta``.
        **options: see ``StepOptions``.

    Raises:
        DotUsageError: the id is empty, or ``min_pass_rate`` is not between 0 and 1.

    Examples:
        >>> build_dot_evaluation_check(evaluation_id="revenue", asset=sync)
        >>> build_dot_evaluation_check(evaluation_id="revenue", asset=sync, blocking=True, min_pass_rate=0.9)
    """
    start_evaluation_run(evaluation_id)  # refuses what no URL can carry
    limits = Limits(timeout, poll_interval)
    checked_share("min_pass_rate", min_pass_rate)
    blocking = checked_flag("blocking", blocking)
    severity = severity_of(severity, on_fail)
    wanted = checked_texts("questions", questions)
    refuse_repetition("questions", wanted)
    by_check = dict(zip(distinct_names([name, *wanted])[1:], wanted, strict=True))
    key = asset_key(asset)
    specs = [
        dg.AssetCheckSpec(name, asset=key, blocking=blocking, description=f"Dot passes evaluation {evaluation_id}.")
    ]
    specs += [
        dg.AssetCheckSpec(check, asset=key, blocking=blocking, description=f"Dot answers right: {question}")
        for check, question in by_check.items()
    ]

    def evaluate_saved(context: dg.AssetCheckExecutionContext, client: DotClient) -> CheckResults:
        began = time.monotonic()
        request = evaluation_request(client.server, evaluation_id, work=work_of(context), metadata=facts_of(context))
        request, run = finished_run(context, client, request, limits, options)
        gate = request.judge(run, min_pass_rate=min_pass_rate)
        if gate.outcome == "error":
            gate.require_pass()  # an evaluation that broke down says nothing about the answers
        passed = gate.outcome == "pass"
        facts = {**gate_metadata(gate), "waited_seconds": round(time.monotonic() - began, 3)}
        if run.questions:
            facts["verdicts"] = verdict_table(gate)
        yield check_result(key, name, passed, severity, run.text, facts)
        _require_known(run, wanted)
        for check, question in by_check.items():
            verdict = run.verdict_of(question)
            told = verdict or "Dot's run gives no verdict on this question alone; this tells whether all passed."
            yield check_result(
                key,
                check,
                run.passed == run.total if verdict is None else verdict == "pass",
                severity,
                told,
                {"evaluation_run": run.id},
            )

    return build_check_step(specs, evaluate_saved, options, name="__".join([*key.path, name]))


@dataclass(frozen=True)
class Limits:
    """How long a run may take, and how often its failures are confirmed."""

    timeout: Seconds
    poll_interval: Seconds
    confirm_failures: int = 0

    def __post_init__(self) -> None:
        checked_seconds("timeout", self.timeout), checked_seconds("poll_interval", self.poll_interval)


def finished_run(
    context: StepContext,
    client: DotClient,
    request: EvaluationRequest,
    limits: Limits,
    options: StepOptions,
    *,
    keeps: Callable[[EvaluationRequest, EvaluationRun], bool] = lambda request, run: False,
) -> tuple[EvaluationRequest, EvaluationRun]:
    """Return the finished run: one that this try starts, or that of an earlier try which did not see it end.

    ``keeps`` tells whether a re-execution takes this run, too; by default it starts its own, for a verdict was told.
    """
    # A pull request's environment is made anew where it was deleted: another target is other work.
    work = f"{request.evaluation_id} {request.target.get('environment_id', '')}".strip()
    policy = options.get("retry_policy")
    kept = recall(context, work)
    started = kept.split(",") if kept else []

    def keep(runs: Sequence[str]) -> None:
        if list(runs) != started:
            remember(context, work, ",".join(runs))
            started[:] = runs

    flow = evaluate(
        request,
        deadline=time.time() + checked_seconds("timeout", limits.timeout),
        poll_interval=checked_seconds("poll_interval", limits.poll_interval),
        confirm_failures=limits.confirm_failures,
        started=tuple(started),
        on_start=keep,
        cancel_late=context.retry_number >= (policy.max_retries if policy else 0),
        tries=MAX_TRIES if context.retry_number or context.run.parent_run_id else 1,
    )
    try:
        sent, run = client.run(flow, context.log.info)
    except dg.DagsterExecutionInterruptedError:
        if started:
            context.log.warning(f"The run was terminated: cancelling evaluation run {started[-1]}.")
            with type(client).for_server(replace(client.server, timeout=10.0, retry_for=0)) as other:
                other.run(cancel_quietly(started[-1]), context.log.info)
        raise
    remember(context, work, ",".join(started), judged=not keeps(sent, run))  # type: ignore[arg-type]
    return sent, run  # type: ignore[return-value]


def work_of(context: StepContext) -> str:
    """Return the id of the work: a re-execution goes on with a run that came to no verdict, and else starts anew."""
    root = context.run.root_run_id or context.run.run_id
    partition = context.partition_key if context.has_partition_key else ""
    return chat_id_for("dagster", root, step_name(context), partition, judged_runs(context))


def facts_of(context: StepContext) -> dict[str, str]:
    """Return what Dot shows at the run."""
    return {"orchestrator": "dagster", "step": step_name(context), "job": context.run.job_name}


def asset_key(asset: Any) -> dg.AssetKey:
    """Return the key of what is checked, however it was written."""
    if isinstance(asset, str):
        return dg.AssetKey.from_user_string(asset)
    return dg.AssetCheckSpec("_", asset=asset).asset_key


def severity_of(severity: dg.AssetCheckSeverity, on_fail: str) -> dg.AssetCheckSeverity:
    """Return the severity, by Dagster's word or by the one that Airflow's operator knows."""
    if on_fail not in ("fail", "warn"):
        raise DotUsageError(f"on_fail must be fail or warn, not {on_fail!r}; blocking=True skips what is downstream.")
    return dg.AssetCheckSeverity.WARN if on_fail == "warn" else severity


def _require_known(run: EvaluationRun, wanted: Sequence[str]) -> None:
    """Refuse a question that is none of the run's, where the run lists all of its questions."""
    if run.questions and len(run.questions) >= run.total:
        for question in wanted:
            run.question(question)


def check_result(
    key: dg.AssetKey,
    check: str,
    passed: bool,
    severity: dg.AssetCheckSeverity,
    description: str,
    metadata: Mapping[str, Any],
) -> dg.AssetCheckResult:
    """Return the result of one check."""
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=check,
        severity=severity,
        description=description,
        metadata=metadata,
    )


def gate_metadata(gate: Gate) -> dict[str, Any]:
    """Return what the check on the whole shows; ids and numbers, the answers are in its table."""
    run = gate.run
    facts: dict[str, Any] = {
        "evaluation_run": run.id,
        "outcome": gate.outcome,
        "verdict": run.verdict,
        "pass_rate": round(gate.pass_rate, 4),
        "questions": run.total,
        "passed": run.passed,
        "failed": run.failed,
        "errors": run.errors,
    }
    facts |= {name: ", ".join(ids) for name in ("regressions", "recoveries", "flaky") if (ids := getattr(gate, name))}
    facts |= {"target_commit": run.target_commit} if run.target_commit else {}
    return {**facts, "run": dg.MetadataValue.url(run.url)} if run.url else facts


def verdict_table(gate: Gate, owners: Mapping[str, str] | None = None) -> dg.TableMetadataValue:
    """Return the questions of a run as a table, those first that did not pass; ``owners`` by a question's id."""
    records = [
        {
            **{name: getattr(one, name) for name in ("verdict", "expected", "observed", "reason")},
            "question": one.question or one.id,
            "deviation": deviation(one),
            "link": one.url,
            "owners": (owners or {}).get(one.id, ""),
        }
        for one in ordered(gate)
    ]
    columns = ("question", "verdict", "expected", "observed", "deviation", "reason", "owners", "link")
    return metadata_table(columns, records)
