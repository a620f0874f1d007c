"""A suite of questions with expected answers as asset checks: one that is the gate, and one per question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import CheckResults, build_check_step
from dagster_dot.asset_options import StepOptions, clean_name
from dagster_dot.evaluation import (
    Limits,
    asset_key,
    check_result,
    facts_of,
    finished_run,
    gate_metadata,
    severity_of,
    verdict_table,
    work_of,
)
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import Seconds, checked_count, checked_flag, checked_share
from dot_provider.api.evaluations import POLL_INTERVAL, start_evaluation_run, target_of
from dot_provider.api.gate import Gate, baseline_run
from dot_provider.api.run_evaluation import EVALUATION_TIMEOUT, evaluation_request
from dot_provider.evaluations.suite import EvaluationSuite, SuiteQuestion

if TYPE_CHECKING:
    from dot_provider.api import DotClient, EvaluationRun

LATEST_PASS = "latest_pass"  # noqa: S105 - no password
_LOOKED_THROUGH = 100


def build_dot_evaluation_checks(
    *,
    suite_file: str | PathLike[str] | Mapping[str, Any],
    asset: dg.AssetKey | dg.AssetsDefinition | str | Sequence[str],
    name: str = "dot_evaluation",
    evaluation_id: str | None = None,
    sql_resource_key: str | None = None,
    dbt_manifest: str | PathLike[str] | Mapping[str, Any] | None = None,
    mf_command: Sequence[str] = ("mf",),
    dbt_project_dir: str | PathLike[str] | None = None,
    min_pass_rate: float | None = None,
    baseline: str | None = None,
    confirm_failures: int = 0,
    target_environment: str | None = None,
    per_question: bool = True,
    blocking: bool = False,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    on_fail: Literal["fail", "warn"] = "fail",
    timeout: Seconds = EVALUATION_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
    **options: Unpack[StepOptions],
) -> dg.AssetChecksDefinition:
    """Build the checks of a suite: one on the whole, which is the gate, and one per question.

    The suite is read when the code location loads, and what is wrong with it is told then. When the checks run, its
    SQL runs on the code location's own resources, and its questions go to Dot with the answers that they must have.
    One run of Dot's gives the results of all checks. Checks that are selected alone run their questions only.

    ``POST /evaluations/{id}/runs``, then ``GET /evaluation_runs/{run_id}``. A step that is tried again, and a
    re-execution of a run that did not come to a verdict, take the run that was started.

    Args:
        suite_file: the suite as YAML or JSON, or as a mapping.
        asset: what is checked, unless a question names its own ``asset``.
        name: name of the check on the whole run; a question's is its id, with underscores.
        evaluation_id: the evaluation's id in Dot; the suite's without it.
        sql_resource_key: resource that SQL runs on, unless a question names one as its ``conn_id``: a
            ``DuckDBResource``, ``SnowflakeResource``, ``BigQueryResource``, an engine of SQLAlchemy, a connection of
            the DB-API, or a function that returns one.
        dbt_manifest: dbt's ``manifest.json`` or its folder, read when the checks run, for ``ref`` and ``source``.
        mf_command: MetricFlow's command, for ``metric``.
        dbt_project_dir: folder of the dbt project that MetricFlow runs in.
        min_pass_rate: share of the questions (0 to 1) that must pass; all without it.
        baseline: ``latest_pass``, the last run that passed this gate, or a run's id; what passed there must pass now.
        confirm_failures: how often failed questions are asked again before they count; costs credits.
        target_environment: id of the environment that is tested, or ``production``; the resource's own without it.
        per_question: False for the check on the whole alone, whose table shows the questions: from a hundred on.
        blocking: True to keep what is downstream from running where the gate is closed; only the gate blocks.
        severity: severity of a closed gate; only ``ERROR`` blocks.
        on_fail: ``warn`` for the severity ``WARN``.
        timeout: seconds that the evaluation may take, or a ``timedelta``.
        poll_interval: seconds between two looks at it, or a ``timedelta``.
        **options: see ``StepOptions``.

    Raises:
        DotUsageError: the suite has problems, two ids make one check name, or an argument is wrong.

    Example:
        >>> build_dot_evaluation_checks(
        ...     suite_file="evaluations/shop.yaml", asset="orders", sql_resource_key="warehouse", blocking=True
        ... )
    """
    suite = EvaluationSuite.read(suite_file if isinstance(suite_file, Mapping) else fspath(suite_file)).check()
    limits = Limits(timeout, poll_interval, checked_count("confirm_failures", confirm_failures))
    severity = severity_of(severity, on_fail)
    checked_share("min_pass_rate", min_pass_rate)
    blocking, per_question = checked_flag("blocking", blocking), checked_flag("per_question", per_question)
    target_of(target_environment)
    start_evaluation_run(evaluation_id or suite.evaluation_id)
    key = asset_key(asset)
    by_check = _checks_of(suite, key, name) if per_question else {}
    specs = [dg.AssetCheckSpec(name, asset=key, blocking=blocking, description=f"Dot passes {suite.name}.")]
    specs += [
        dg.AssetCheckSpec(check.name, asset=check.asset_key, description=f"Dot answers right: {one.fields['question']}")
        for check, one in by_check.items()
    ]
    sql = [
        one.fields.get("conn_id") or sql_resource_key for one in suite.questions if {"sql", "sql_file"} & {*one.fields}
    ]
    if None in sql:
        raise DotUsageError("A question has SQL and no conn_id: set sql_resource_key to the resource that it runs on.")

    def evaluate_suite(context: dg.AssetCheckExecutionContext, client: DotClient) -> CheckResults:
        chosen = {check for check in by_check if check in context.selected_asset_check_keys}
        whole = dg.AssetCheckKey(key, name) in context.selected_asset_check_keys
        asked = suite if whole else suite.only({by_check[check].id for check in chosen})
        answered = asked.with_answers(
            connect_resources(context),
            {"partition_key": context.partition_key} if context.has_partition_key else {},
            relations_of(dbt_manifest),
            query_metrics=_metrics(mf_command, dbt_project_dir),
            conn_id=sql_resource_key or "",
            on_sql=lambda question, sql: context.log.debug(f"Expected of {question}: {sql}"),
        )
        request = evaluation_request(
            client.server,
            evaluation_id,
            answered,
            target_environment=target_environment,
            work=work_of(context),
            metadata=facts_of(context),
        )
        before = _baseline(context, client, dg.AssetCheckKey(key, name), baseline) if whole else None
        request, run = finished_run(context, client, request, limits, options)
        gate = request.judge(run, min_pass_rate=min_pass_rate, baseline=before)
        closed = dg.AssetCheckSeverity.ERROR if gate.outcome == "error" else severity
        if whole:
            table = verdict_table(gate, {one.id: ", ".join(one.owners) for one in suite.questions})
            facts = {**gate_metadata(gate), "verdicts": table}
            yield check_result(key, name, gate.outcome == "pass", closed, gate.summary, facts)
        for check in by_check:
            if check in chosen:
                yield _question_result(check, by_check[check], gate, closed)
        if gate.outcome == "error":
            gate.require_pass()  # after the checks were shown: nothing is known of the answers

    return build_check_step(
        specs, evaluate_suite, options, name="__".join([*key.path, name]), resources={one for one in sql if one}
    )


def _checks_of(suite: EvaluationSuite, key: dg.AssetKey, name: str) -> dict[dg.AssetCheckKey, SuiteQuestion]:
    """Return the check of each question.

    Raises:
        DotUsageError: two ids make one name, which Dagster would take without a word.
    """
    names = Counter([name, *(clean_name(one.id) for one in suite.questions)])
    if twice := [one.id for one in suite.questions if names[clean_name(one.id)] > 1]:
        raise DotUsageError(f"{' and '.join(twice)} make one check name, {clean_name(twice[0])}: rename one.")
    assets = {one.id: one.fields.get("asset") for one in suite.questions}
    return {
        dg.AssetCheckKey(asset_key(asset) if (asset := assets[one.id]) else key, clean_name(one.id)): one
        for one in suite.questions
    }


def _question_result(
    check: dg.AssetCheckKey, one: SuiteQuestion, gate: Gate, closed: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    """Return a question's result, as severe as the gate where that is closed: one alone may not stop anything."""
    found = next((question for question in gate.run.questions if question.id == one.id), None)
    severe = gate.outcome != "pass" and one.severity != "warn"
    facts: dict[str, Any] = {"evaluation_run": gate.run.id}
    told = "Dot's run shows no result of this question."
    if found is not None:
        told = found.reason or f"{found.verdict}: expected {found.expected}, observed {found.observed}"
        facts |= {"expected": found.expected, "observed": found.observed, "owners": ", ".join(one.owners)}
        facts |= {"conversation": dg.MetadataValue.url(found.url)} if found.url else {}
    return check_result(
        check.asset_key,
        check.name,
        found is not None and found.verdict == "pass",
        closed if severe else dg.AssetCheckSeverity.WARN,
        told,
        facts,
    )


def _baseline(
    context: dg.AssetCheckExecutionContext, client: DotClient, check: dg.AssetCheckKey, baseline: str | None
) -> EvaluationRun | None:
    """Return the run to compare with; None where no run has passed so far."""
    if baseline is None or baseline != LATEST_PASS:
        return None if baseline is None else client.evaluation_run(baseline)
    history = context.instance.event_log_storage.get_asset_check_execution_history(check, limit=_LOOKED_THROUGH)
    events = [record.event.dagster_event for record in history if record.event is not None]
    made = [
        event.asset_check_evaluation_data
        for event in events
        if event is not None and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    passed = [one.metadata.get("evaluation_run") for one in made if one.passed]
    return client.run(baseline_run(str(one.value) for one in passed if one is not None), context.log.info)


def connect_resources(context: dg.AssetCheckExecutionContext | dg.OpExecutionContext) -> Callable[[str], Any]:
    """Return what opens the connection behind a resource of the code location."""

    def connect(resource_key: str) -> Any:
        resource = getattr(context.resources, resource_key)
        if hasattr(resource, "get_connection"):
            return resource.get_connection()
        if hasattr(resource, "get_client"):
            return _bigquery(resource)
        return resource() if callable(resource) else nullcontext(resource)  # the resource closes it

    return connect


@contextmanager
def _bigquery(resource: Any) -> Iterator[Any]:
    from google.cloud.bigquery import dbapi  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with resource.get_client() as client:
        yield dbapi.connect(client)


def relations_of(dbt_manifest: str | PathLike[str] | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the manifest that ``ref`` and ``source`` of a suite look into, None where there is none."""
    from dot_provider.dbt import read_manifest

    return None if dbt_manifest is None else read_manifest(dbt_manifest)


def _metrics(command: Sequence[str], project_dir: str | PathLike[str] | None) -> Any:
    from dot_provider.evaluations.metricflow import metricflow

    return metricflow(command, project_dir) if project_dir is not None else None
