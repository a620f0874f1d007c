"""What Dot should learn after every dbt run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup

from dot_provider.api.arguments import checked_flag
from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dbt_run import DotReportDbtRunOperator
from dot_provider.operators.evaluation import DotRunEvaluationOperator
from dot_provider.operators.external_assets import DotPushExternalAssetsOperator
from dot_provider.operators.sync import DotSyncConnectionOperator

if TYPE_CHECKING:
    from dot_provider.operators.dot_operator import DotOperator
    from dot_provider.operators.evaluation import Gate
    from dot_provider.operators.paths import AnyPath


Arguments = Mapping[str, Any]


def dot_after_dbt(
    *,
    target_path: AnyPath | None = None,
    artifacts_folder: AnyPath | None = None,
    dbt_cloud_run_id: str | int | None = None,
    connection_id: str,
    connection_type: str = "dbt",
    push_exposures: bool | Arguments = True,
    evaluation_id: str | None = None,
    on_fail: Gate = "fail",
    report_dbt_run: Arguments | None = None,
    sync: Arguments | None = None,
    evaluate: Arguments | None = None,
    group_id: str = "dot_after_dbt",
    **arguments: Any,
) -> TaskGroup:
    """Return a task group to put behind a dbt task: report the run, sync, push the exposures, evaluate.

    The report is sent also after a failed dbt task, as a teardown; the rest happens after a successful one.

    Args:
        target_path: folder that dbt writes to, local or in object storage.
        artifacts_folder: where Cosmos's tasks keep their artifacts, instead; see ``dot_provider.cosmos``.
        dbt_cloud_run_id: id of a run of dbt Cloud, instead; then the other steps need a ``dbt_manifest`` of their own.
        connection_id: the connection's id in Dot that is synced.
        connection_type: its type; ``dbt``, or the warehouse's.
        push_exposures: True to push dbt's exposures as external assets; or arguments of that task, such as
            ``{"prune": True, "dry_run": "{{ params.dry }}"}``.
        evaluation_id: an evaluation to run at the end; or give a ``suite_file``.
        on_fail: what an evaluation that did not pass does; see ``DotRunEvaluationOperator``.
        report_dbt_run, sync, evaluate: further arguments of these tasks alone.
        group_id: id of the group.
        arguments: further arguments: of all tasks, such as ``dot_conn_id`` or ``retries``; those that only the
            evaluation takes, such as ``deferrable`` or ``timeout``, go to it.

    Raises:
        DotUsageError: when the DAG is parsed, an argument belongs to another step, or there is no evaluation for it.

    Example:
        >>> dbt_build >> dot_after_dbt(target_path="/opt/dbt/shop/target", connection_id="shop")
        >>> dbt_build >> dot_after_dbt(
        ...     target_path="/opt/dbt/shop/target",
        ...     connection_id="shop",
        ...     evaluation_id="finance-basics",
        ...     evaluate={"deferrable": True, "timeout": timedelta(hours=1)},
        ... )
    """
    gate = {name: arguments.pop(name) for name in _own(DotRunEvaluationOperator) if name in arguments}
    for step, operator in (
        ("push_exposures", DotPushExternalAssetsOperator),
        ("report_dbt_run", DotReportDbtRunOperator),
    ):
        if alien := sorted(_own(operator) & arguments.keys()):
            raise DotUsageError(f"{group_id}: {alien[0]} belongs to one step: write {step}={{{alien[0]!r}: ...}}.")
    if not isinstance(push_exposures, Mapping):
        push_exposures = checked_flag(f"{group_id}: push_exposures", push_exposures)
    gate = {**gate, **(evaluate or {})}
    evaluates = evaluation_id is not None or not gate.keys().isdisjoint(("suite", "suite_file"))
    if gate and not evaluates:
        raise DotUsageError(f"{group_id}: {sorted(gate)[0]} needs an evaluation_id or a suite_file.")
    places = {"target_path": target_path, "artifacts_folder": artifacts_folder, "dbt_cloud_run_id": dbt_cloud_run_id}
    sources = {name: value for name, value in places.items() if value is not None}
    if len(sources) != 1:
        raise DotUsageError(f"{group_id}: give one of target_path, artifacts_folder and dbt_cloud_run_id.")
    manifest = target_path
    if artifacts_folder is not None:
        # What dot_provider.cosmos.run_folder returns, once the run is known.
        manifest = f"{str(artifacts_folder).rstrip('/')}/{{{{ dag.dag_id }}}}/{{{{ run_id | urlencode }}}}"
    elif manifest is None and push_exposures is True:
        raise DotUsageError(
            f"{group_id}: dbt Cloud has no manifest to push: write push_exposures={{'dbt_manifest': ...}}."
        )
    with TaskGroup(group_id) as group:
        DotReportDbtRunOperator(**{"task_id": "report_dbt_run", **sources, **arguments, **(report_dbt_run or {})})
        connection = {"connection_type": connection_type, "connection_id": connection_id}
        last: Any = DotSyncConnectionOperator(**{"task_id": "sync", **connection, **arguments, **(sync or {})})
        if push_exposures is not False:
            own = push_exposures if isinstance(push_exposures, Mapping) else {}
            last = last >> DotPushExternalAssetsOperator(
                **{"task_id": "push_exposures", "dbt_manifest": manifest, **arguments, **own}
            )
        if evaluates:
            evaluation = {"task_id": "evaluate", "evaluation_id": evaluation_id, "on_fail": on_fail}
            last >> DotRunEvaluationOperator(**{**evaluation, "dbt_manifest": manifest, **arguments, **gate})
    return group


def _own(operator: type[DotOperator]) -> set[str]:
    """Return the names of the arguments that an operator takes besides those of every task."""
    return {*inspect.signature(operator.__init__).parameters} - {"self", "kwargs", "trigger_rule"}
