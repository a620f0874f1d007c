"""What Dot should learn after every dbt run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup

from dot_provider.operators.dbt_run import DotReportDbtRunOperator
from dot_provider.operators.evaluation import DotRunEvaluationOperator
from dot_provider.operators.external_assets import DotPushExternalAssetsOperator
from dot_provider.operators.sync import DotSyncConnectionOperator

if TYPE_CHECKING:
    from dot_provider.operators.evaluation import Gate
    from dot_provider.operators.files import AnyPath


def dot_after_dbt(
    *,
    target_path: AnyPath,
    connection_id: str,
    connection_type: str = "dbt",
    push_exposures: bool = True,
    evaluation_id: str | None = None,
    on_fail: Gate = "fail",
    group_id: str = "dot_after_dbt",
    **arguments: Any,
) -> TaskGroup:
    """Return a task group to put behind a dbt task: report the run, sync, push the exposures, evaluate.

    The report is sent also after a failed dbt task; the rest happens after a successful one.

    Args:
        target_path: folder that dbt writes to, local or in object storage.
        connection_id: the connection's id in Dot that is synced.
        connection_type: its type; ``dbt``, or the warehouse's.
        push_exposures: True to push dbt's exposures as external assets.
        evaluation_id: an evaluation to run at the end.
        on_fail: what another verdict than ``pass`` does; see ``DotRunEvaluationOperator``.
        group_id: id of the group.
        arguments: further arguments of all tasks, such as ``dot_conn_id`` or ``retries``.

    Example:
        >>> dbt_build >> dot_after_dbt(target_path="/opt/dbt/shop/target", connection_id="shop")
    """
    with TaskGroup(group_id) as group:
        DotReportDbtRunOperator(task_id="report_dbt_run", target_path=target_path, **arguments)
        last: Any = DotSyncConnectionOperator(
            task_id="sync", connection_type=connection_type, connection_id=connection_id, **arguments
        )
        if push_exposures:
            last = last >> DotPushExternalAssetsOperator(
                task_id="push_exposures", dbt_manifest=target_path, **arguments
            )
        if evaluation_id is not None:
            last >> DotRunEvaluationOperator(
                task_id="evaluate", evaluation_id=evaluation_id, on_fail=on_fail, **arguments
            )
    return group
