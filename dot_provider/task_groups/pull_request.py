"""A pull request of a dbt project, tried in an environment of Dot before it is merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from airflow.sdk import TaskGroup

from dot_provider.api.errors import DotUsageError
from dot_provider.operators.ask import DotAskOperator
from dot_provider.operators.environments import (
    DotCreateEnvironmentOperator,
    DotDeleteEnvironmentOperator,
    DotDiffEnvironmentOperator,
    DotMergeEnvironmentOperator,
    DotSyncEnvironmentOperator,
)
from dot_provider.operators.evaluation import DotRunEvaluationOperator

Arguments = Mapping[str, Any]


def dot_pull_request(
    *,
    name: str,
    dbt_build: Callable[[], Any],
    targets: Arguments | None = None,
    ask: Arguments | None = None,
    evaluate: Arguments | None = None,
    merge: bool | Literal["propose"] = False,
    group_id: str = "dot_pull_request",
    **arguments: Any,
) -> TaskGroup:
    """Return a task group that tries a pull request of a dbt project in an environment of Dot, and cleans up.

    It makes the environment, builds, syncs, asks, evaluates, compares, merges, and deletes the environment, whatever
    became of the steps between. What was changed after it was evaluated is not merged. One that was proposed for a
    review is left. Where the environment is there already, of a run that was killed, it is taken: one pull request has
    one at a time, so let one run of it go on at a time.

    Args:
        name: of the environment, such as ``pr-{{ params.pull_request }}``.
        dbt_build: makes the task, or the group of tasks, that builds dbt into the pull request's schema, and returns
            it; called inside the group.
        targets: which databases and schemas the environment reads, those that ``dbt_build`` builds into.
        ask: arguments of a ``DotAskOperator`` whose question is asked in the environment.
        evaluate: arguments of a ``DotRunEvaluationOperator``, such as ``suite_file`` and ``dbt_manifest``, which reads
            and tests the environment.
        merge: True to bring its changes into production at the end, or to propose them where the token may not;
            ``propose`` to propose them in any case.
        group_id: id of the group.
        arguments: of all tasks, such as ``dot_conn_id`` or ``retries``.

    Raises:
        DotUsageError: when the DAG is parsed, ``merge`` is something else.

    Example:
        >>> dot_pull_request(
        ...     name="pr-{{ params.pull_request }}",
        ...     targets={"shop": {"schema": "pr_{{ params.pull_request }}"}},
        ...     dbt_build=lambda: BashOperator(task_id="dbt_build", bash_command="dbt build --target pr"),
        ...     evaluate={"suite_file": "/opt/dbt/shop/evaluations/shop.yaml", "sql_conn_id": "warehouse"},
        ... )
    """
    if merge not in (True, False, "propose"):
        raise DotUsageError(f"{group_id}: merge must be True, False or 'propose', not {merge!r}.")
    with TaskGroup(group_id) as group:
        create: Any = DotCreateEnvironmentOperator(task_id="create", name=name, targets=targets, **arguments)
        create.as_setup()
        environment = create.output["id"]
        of_environment = {"environment_id": environment, **arguments}
        build = dbt_build()
        last: Any = DotSyncEnvironmentOperator(task_id="sync", **of_environment)
        create >> build >> last
        inside = {"environment": environment, **arguments}
        if ask is not None:
            last = last >> DotAskOperator(**{"task_id": "ask", **inside, **ask})
        commit = None
        if evaluate is not None:
            tested = {"task_id": "evaluate", "target_environment": environment}
            last = last >> DotRunEvaluationOperator(**{**tested, **inside, **evaluate})
            commit = f"{{{{ (ti.xcom_pull('{last.task_id}') or {{}}).get('target_commit') or '' }}}}"
        last = last >> DotDiffEnvironmentOperator(task_id="diff", **of_environment)
        delete = DotDeleteEnvironmentOperator(task_id="delete", name=name, **arguments)
        if merge is not False:
            last = last >> DotMergeEnvironmentOperator(
                task_id="merge", confirm=merge is True, expected_target_commit=commit, **of_environment
            )
            delete.keep = f"{{{{ (ti.xcom_pull('{last.task_id}') or {{}}).get('outcome') == 'proposed' }}}}"
        last >> delete.as_teardown(setups=create)
    return group
