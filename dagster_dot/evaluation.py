"""Evaluations of Dot's answers as asset checks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import CheckResults, build_check_step, warn_on_termination
from dagster_dot.asset_options import StepOptions, distinct_names, refuse_repetition
from dagster_dot.dagster_internals import recall, remember
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import Seconds, checked_seconds, checked_share, checked_texts
from dot_provider.api.evaluations import (
    EVALUATION_TIMEOUT,
    POLL_INTERVAL,
    start_evaluation_run,
    start_or_attach,
    wait_for_evaluation,
)

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
            on the whole was shown. Where it lists none, their checks say so and follow the whole.
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
    seconds, interval = checked_seconds("timeout", timeout), checked_seconds("poll_interval", poll_interval)
    checked_share("min_pass_rate", min_pass_rate)
    if on_fail not in ("fail", "warn"):
        raise DotUsageError(f"on_fail must be fail or warn, not {on_fail!r}; blocking=True skips what is downstream.")
    severity = dg.AssetCheckSeverity.WARN if on_fail == "warn" else severity
    wanted = checked_texts("questions", questions)
    refuse_repetition("questions", wanted)
    by_check = dict(zip(distinct_names([name, *wanted])[1:], wanted, strict=True))
    if isinstance(asset, str):
        asset = dg.AssetKey.from_user_string(asset)
    specs = [
        dg.AssetCheckSpec(name, asset=asset, blocking=blocking, description=f"Dot passes evaluation {evaluation_id}.")
    ]
    specs += [
        dg.AssetCheckSpec(check, asset=asset, blocking=blocking, description=f"Dot answers right: {question}")
        for check, question in by_check.items()
    ]
    key = specs[0].asset_key

    def evaluate(context: dg.AssetCheckExecutionContext, client: DotClient) -> CheckResults:
        began = time.monotonic()
        run = _run(context, client, evaluation_id, seconds, interval)
        if run.verdict == "error":
            run.require_pass()  # an evaluation that broke down says nothing about the answers
        passed = run.meets(min_pass_rate)
        facts = {**_metadata(run), "waited_seconds": round(time.monotonic() - began, 3)}
        yield _result(key, name, passed, severity, run.text, facts)
        _require_known(run, wanted)
        for check, question in by_check.items():
            verdict = run.verdict_of(question)
            told = verdict or "Dot's run gives no verdict on this question alone; this is the verdict on the whole."
            yield _result(
                key, check, passed if verdict is None else verdict == "pass", severity, told, {"evaluation_run": run.id}
            )

    return build_check_step(specs, evaluate, options, name="__".join([*key.path, name]))


def _run(
    context: dg.AssetCheckExecutionContext,
    client: DotClient,
    evaluation_id: str,
    timeout: float,
    poll_interval: float,
) -> EvaluationRun:
    """Return the finished run: one that this try starts, or that of an earlier try which did not see it end."""
    deadline = time.time() + timeout
    started = recall(context, evaluation_id)
    run = client.run(start_or_attach(evaluation_id, started), context.log.info)
    if run.id != started:
        remember(context, evaluation_id, run.id)
    wait = wait_for_evaluation(run.id, deadline=deadline, poll_interval=poll_interval, evaluation_id=evaluation_id)
    with warn_on_termination(context.log, f"Dot goes on with evaluation run {run.id}."):
        return client.run(wait, context.log.info)


def _require_known(run: EvaluationRun, wanted: Sequence[str]) -> None:
    """Refuse a question that is none of the run's, where the run lists all of its questions."""
    if not run.questions or len(run.questions) < run.total:
        return
    names = [one.question or one.id for one in run.questions]
    for question in wanted:
        if not any(one.is_called(question) for one in run.questions):
            meant = get_close_matches(question, names, 1)
            hint = f"did you mean {meant[0]!r}?" if meant else f"its questions are {', '.join(map(repr, names[:20]))}."
            raise DotUsageError(f"questions: {question!r} is no question of evaluation run {run.id}; {hint}")


def _result(
    key: dg.AssetKey,
    check: str,
    passed: bool,
    severity: dg.AssetCheckSeverity,
    description: str,
    metadata: Mapping[str, Any],
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=key,
        check_name=check,
        severity=severity,
        description=description,
        metadata=metadata,
    )


def _metadata(run: EvaluationRun) -> dict[str, Any]:
    facts = {
        "evaluation_run": run.id,
        "verdict": run.verdict,
        "pass_rate": round(run.pass_rate, 4),
        "questions": run.total,
        "passed": run.passed,
        "failed": run.failed,
        "errors": run.errors,
    }
    return {**facts, "verdicts": _table(run)} if run.questions else facts


def _table(run: EvaluationRun) -> dg.TableMetadataValue:
    """Return what Dot says of single questions, those first that did not pass."""
    questions = sorted(run.questions, key=lambda question: question.verdict == "pass")
    records = [
        dg.TableRecord({"question": one.question or one.id, "verdict": one.verdict, "reason": one.reason})
        for one in questions
    ]
    columns = [dg.TableColumn(name, "string") for name in ("question", "verdict", "reason")]
    return dg.MetadataValue.table(records=records, schema=dg.TableSchema(columns=columns))
