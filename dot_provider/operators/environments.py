"""Environments of Dot: making one for a pull request, syncing, comparing, merging and deleting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from dot_provider._airflow import AirflowFailException, AirflowSkipException
from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class DotCreateEnvironmentOperator(DotOperator):
    """Make an environment, or take the one that has its name already; a second run makes no second one.

    ``GET`` and ``POST /environments``, ``PUT /environments/{id}/targets``; needs a modeler's token.

    Args:
        name: names one environment, such as ``pr-{{ params.pull_request }}``. To be cleaned up by age later, it ends
            in a day, such as ``pr-17-20260131``.
        targets: which databases and schemas it reads instead of production's, as Dot's settings show them.
        source_env_id: id of the environment that a new one is a copy of; production without it.
        color: of a new one, in Dot.

    Returns:
        ``{"id": ..., "name": ...}``; ``.output["id"]`` is what other operators take.

    Example:
        >>> create = DotCreateEnvironmentOperator(task_id="create", name="pr-17").as_setup()
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "name", "targets", "source_env_id", "color")

    def __init__(
        self,
        *,
        name: str,
        targets: Mapping[str, Any] | None = None,
        source_env_id: str | None = None,
        color: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"multiple_outputs": True, **kwargs})
        self.name = name
        self.targets = targets
        self.source_env_id = source_env_id
        self.color = color

    def execute(self, context: Context) -> dict[str, str]:
        """Find or make it, and return its id."""
        with self.dot() as dot:
            made = dot.ensure_environment(self.name, self.targets, source_env_id=self.source_env_id, color=self.color)
        return {"id": made.id, "name": made.name or self.name}


class _OfEnvironment(DotOperator):
    """What is done with one environment.

    Args:
        environment_id: its id.
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "environment_id")

    def __init__(self, *, environment_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.environment_id = environment_id


class DotSyncEnvironmentOperator(_OfEnvironment):
    """Let an environment read what was built into the schemas that it points to.

    ``PUT /environments/{id}/targets``, ``POST /environments/{id}/sync_target``; needs a modeler's token.

    Args:
        environment_id: its id.
        targets: which databases and schemas it reads from now on; as before without it.

    Returns:
        The id.
    """

    template_fields: Sequence[str] = (*_OfEnvironment.template_fields, "targets")

    def __init__(self, *, environment_id: str, targets: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(environment_id=environment_id, **kwargs)
        self.targets = targets

    def execute(self, context: Context) -> str:
        """Set the targets where there are new ones, and sync."""
        with self.dot() as dot:
            if self.targets is not None:
                dot.set_environment_targets(self.environment_id, self.targets)
            dot.sync_environment_target(self.environment_id)
        return self.environment_id


class DotDiffEnvironmentOperator(_OfEnvironment):
    """Say what an environment changes, and let nothing go on that production has changed too.

    ``GET /environments/{id}/diff``, ``/conflicts``.

    Args:
        environment_id: its id.
        on_conflict: what conflicts do: ``fail`` the task, ``skip`` it and what comes after it, or ``warn`` in the log.

    Returns:
        ``{"changes": ..., "conflicts": ...}``, each as Dot lists them.
    """

    def __init__(
        self, *, environment_id: str, on_conflict: Literal["fail", "skip", "warn"] = "fail", **kwargs: Any
    ) -> None:
        super().__init__(environment_id=environment_id, **kwargs)
        if on_conflict not in ("fail", "skip", "warn"):
            raise DotUsageError(f"Task {self.task_id}: on_conflict must be fail, skip or warn, not {on_conflict!r}.")
        self.on_conflict = on_conflict

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask for both, and judge the conflicts."""
        from dot_provider.api.records import storable

        with self.dot() as dot:
            found = dot.compare_environment(self.environment_id)
        said = f"Environment {self.environment_id}: {len(found.changes)} changes"
        self.log.info("%s, %d conflicts", said, len(found.conflicts))
        if found.conflicts and self.on_conflict != "warn":
            refusal = AirflowSkipException if self.on_conflict == "skip" else AirflowFailException
            raise refusal(
                f"{said}, {len(found.conflicts)} of which conflict with what changed in production meanwhile."
            )
        return {"changes": storable(found.changes), "conflicts": storable(found.conflicts)}


class DotMergeEnvironmentOperator(_OfEnvironment):
    """Bring an environment's changes into production, or propose them for a review where the token may not merge.

    ``POST /environments/{id}/merge``, ``/proposal``.

    Args:
        environment_id: its id.
        confirm: False to propose it in any case.
        expected_target_commit: the commit that was evaluated, 40 hexadecimal digits: another one is not merged.

    Returns:
        ``{"outcome": "merged" | "proposed"}``
    """

    template_fields: Sequence[str] = (*_OfEnvironment.template_fields, "confirm", "expected_target_commit")

    def __init__(
        self, *, environment_id: str, confirm: bool = True, expected_target_commit: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(environment_id=environment_id, **kwargs)
        self.confirm = confirm
        self.expected_target_commit = expected_target_commit

    def execute(self, context: Context) -> dict[str, str]:
        """Merge or propose, and return which."""
        from dot_provider.api.arguments import checked_flag

        with self.dot() as dot:
            merge = checked_flag("confirm", self.confirm)
            became = dot.merge_or_propose_environment(
                self.environment_id, merge=merge, expected_target_commit=self.expected_target_commit
            )
        return {"outcome": became.outcome}


class DotDeleteEnvironmentOperator(DotOperator):
    """Delete an environment, or one's own old ones; what is gone already is no error.

    ``GET /environments``, ``DELETE /environments/{id}``; needs a modeler's token.

    Args:
        environment_id: its id.
        name: its name, instead, which is known also where the task that made it was killed.
        prefix: how the names of one's own environments begin, instead, such as ``pr-``; with ``older_than``.
        older_than: the age from which on those are deleted, told by the day that their names end in.
        keep: True to leave it, such as one that was proposed for a review.

    Returns:
        The names, or the id, of what was deleted.

    Raises:
        DotUsageError: when the DAG is parsed, unless exactly one of environment_id, name and prefix is given.

    Example:
        >>> DotDeleteEnvironmentOperator(task_id="clean_up", prefix="pr-", older_than=timedelta(days=7))
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "environment_id", "name", "prefix", "keep")

    def __init__(
        self,
        *,
        environment_id: str | None = None,
        name: str | None = None,
        prefix: str | None = None,
        older_than: timedelta | None = None,
        keep: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sum(one is not None for one in (environment_id, name, prefix)) != 1 or (prefix is None) != (
            older_than is None
        ):
            raise DotUsageError(f"Task {self.task_id}: give environment_id, or name, or prefix and older_than.")
        self.environment_id = environment_id
        self.name = name
        self.prefix = prefix
        self.older_than = older_than
        self.keep = keep

    def execute(self, context: Context) -> list[str]:
        """Delete, and return what was deleted."""
        from dot_provider.api.arguments import checked_flag
        from dot_provider.api.errors import DotNotFoundError

        with self.dot() as dot:
            if checked_flag("keep", self.keep):
                self.log.info("The environment is left as it is.")
                return []
            if self.environment_id is None:
                return dot.delete_environments(self.name, prefix=self.prefix, older_than=self.older_than)
            try:
                dot.delete_environment(self.environment_id)
            except DotNotFoundError:
                return []
            return [self.environment_id]
