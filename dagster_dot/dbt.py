"""The report of a dbt run to Dot, which arrives also when a dbt test fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import dagster as dg

from dagster_dot.asset_factory import as_failure
from dagster_dot.resource import DotResource
from dot_provider.api import DotError, DotUsageError
from dot_provider.dbt import DbtArtifacts, read_artifacts, summarize

Since = datetime | str | None


def report_dbt_run(
    invocation: Any,
    *,
    dot: DotResource,
    events: Iterable[Any] | None = None,
    required: bool = False,
    since: Since = "run",
) -> Iterator[Any]:
    """Yield the events of a dbt run, and report the run to Dot when it has ended, whether it passed or not.

    ``POST /dbt/run_results``; needs an admin's token. When a dbt test fails, dagster-dbt raises at the end of its
    stream and nothing downstream runs, so the report cannot be a step of its own.

    Args:
        invocation: what ``DbtCliResource.cli`` or ``DbtCloudWorkspace.cli`` returned.
        dot: the resource.
        events: the events to yield, where they are more than the plain stream, such as
            ``invocation.stream().fetch_row_counts()``.
        required: True to fail the step where dbt passed and the report did not reach Dot. By default that is an error
            in the log only, because the models are built.
        since: results that dbt wrote before this moment are not reported, because a dbt that does not compile leaves
            those of the run before in a ``target_path`` of its own. ``"run"`` is the start of Dagster's run; None takes
            results of any age.

    Raises:
        dg.Failure: ``required``, and the report did not reach Dot.

    Examples:
        >>> @dbt_assets(manifest=project.manifest_path)
        ... def shop(context: dg.AssetExecutionContext, dbt: DbtCliResource, dot: DotResource):
        ...     yield from report_dbt_run(dbt.cli(["build"], context=context), dot=dot)
    """
    yield from report_invocations(_events(invocation) if events is None else events, [invocation], dot, required, since)


def report_invocations(
    events: Iterable[Any],
    invocations: Sequence[Any],
    dot: DotResource,
    required: bool = False,
    since: Since = "run",
) -> Iterator[Any]:
    """Yield ``events``, then report each of ``invocations``, which may come to be while the events do.

    Raises:
        dg.Failure: ``required``, dbt passed, and a report did not reach Dot.
    """
    passed = False
    try:
        yield from events
        passed = True
    finally:
        # Also on termination, which is no Exception: what dbt finished until then is written down by dbt.
        errors = [error for invocation in invocations if (error := _report(invocation, dot, since)) is not None]
        if errors and required and passed:
            raise as_failure(errors[0]) from errors[0]


def _report(invocation: Any, dot: DotResource, since: Since) -> DotError | None:
    log = dg.get_dagster_logger("dagster_dot")
    try:
        artifacts = _artifacts(invocation)
        start = None if _is_cloud(invocation) else _run_start() if since == "run" else since
        dot.get_client().report_dbt_run(artifacts.run_results, artifacts.manifest, since=start)
    except FileNotFoundError:
        log.warning("dbt ended before it wrote results: there is nothing to report to Dot.")
    except Exception as error:  # what dbt Cloud answers must not hide why the run failed
        log.error(f"The dbt run was not reported to Dot: {error}")
        return error if isinstance(error, DotError) else DotUsageError(f"dbt's artifacts cannot be read: {error}")
    else:
        log.info(f"Reported to Dot: {summarize(artifacts).text}")
    return None


def _events(invocation: Any) -> Iterator[Any]:
    if _is_cloud(invocation):
        yield from invocation.wait()
    elif getattr(invocation, "manifest", True):
        yield from invocation.stream()
    else:  # of an op that gave dbt.cli no manifest: dagster-dbt knows no models to make events of
        invocation.wait()


def _artifacts(invocation: Any) -> DbtArtifacts:
    if _is_cloud(invocation):
        handler = invocation.run_handler
        if "run_results.json" not in handler.list_run_artifacts():
            raise FileNotFoundError
        return read_artifacts(run_results=handler.get_run_results(), manifest=handler.get_manifest())
    return read_artifacts(
        run_results=invocation.get_artifact("run_results.json"), manifest=invocation.get_artifact("manifest.json")
    )


def _run_start() -> datetime | None:
    """Return when Dagster's run began, None outside of a step."""
    try:
        context = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return None
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record.start_time if record is not None else None
    return None if started is None else datetime.fromtimestamp(started, timezone.utc)


def _is_cloud(invocation: Any) -> bool:
    return hasattr(invocation, "run_handler")
