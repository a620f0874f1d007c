"""What is read of Dagster's less public parts, each with the reason; a new Dagster is checked against this file."""

from __future__ import annotations

import warnings
from typing import Any

import dagster as dg

# The functions by which Dagster itself reads ``asset`` and ``backfill_policy`` in YAML: nothing public does, and an
# own list of an asset's fields would lack what Dagster adds. EnvScope is what ``env`` is in its templates.
from dagster.components import AssetAttributesModel as AssetAttributesModel
from dagster.components.resolved.base import resolve_fields as resolve_fields
from dagster.components.resolved.core_models import AssetSpecUpdateKwargs as AssetSpecUpdateKwargs
from dagster.components.resolved.core_models import MultiRunBackfillPolicyModel, SingleRunBackfillPolicyModel
from dagster.components.resolved.core_models import resolve_backfill_policy as resolve_backfill_policy
from dagster.components.resolved.scopes import EnvScope as EnvScope
from pydantic import PrivateAttr


class KeepsVariableNames(dg.ConfigurableResource[Any]):
    """A resource that knows in a run, too, which environment variable each of its fields came from.

    What pydantic says of a wrong field does not show its value, which may be a secret.
    """

    model_config = {"hide_input_in_errors": True}

    _variables: dict[str, str] = PrivateAttr(default_factory=dict)

    def _with_updated_values(self, values: Any) -> Any:
        # Where Dagster replaces each EnvVar by its value for a run; it keeps no name, and errors are to say it.
        updated = super()._with_updated_values(values)
        given = {name: getattr(self, name) for name in type(self).model_fields}
        names = {name: value.env_var_name for name, value in given.items() if hasattr(value, "env_var_name")}
        updated._variables = {**self._variables, **names}
        return updated


BackfillModel = SingleRunBackfillPolicyModel | MultiRunBackfillPolicyModel
StepContext = dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OpExecutionContext

_PREFIX = "dot_started"
_LONGEST_TAG_NAME = 63
_JUDGED = "!"


def step_name(context: StepContext) -> str:
    """Return the name of a step within its run, with the graphs it is nested in.

    It is a part of a question's chat id, so a text that changes makes Dot be paid once more by whoever re-executes a
    run over an update of Dagster. ``context.op_handle`` is the only name that is the same in every try and process;
    the step's key is not on an asset's context.
    """
    of_op: Any = context
    return str(getattr(of_op, "op_execution_context", of_op).op_handle)


def remember(context: StepContext, work: str, started: str, *, judged: bool = False) -> None:
    """Keep what this step has started at Dot for its next try, on whichever machine: a tag of the run.

    Args:
        context: the step's.
        work: id of what was to be done, such as that of an evaluation; without slashes.
        started: id that Dot gave to it, such as that of the evaluation's run.
        judged: whether it has come to a verdict, so that a re-execution starts anew.
    """
    # Dagster hands a run's tags on to its re-execution, which is to start its own: so the tag names the run, too.
    run_id = context.run.run_id
    context.instance.add_run_tags(run_id, {_tag(context): f"{run_id}/{work}/{started}{_JUDGED * judged}"})


def recall(context: StepContext, work: str) -> str | None:
    """Return what an earlier try of this step has started for the same work; else None.

    It was in the same run, or in one that was killed before a verdict and of which this is a re-execution.
    """
    # Dagster adds a tag by reading the run and writing it back, so that of two steps at the same moment one is lost in
    # the run itself; never in the table of tags, which this reads.
    for run_id in [context.run.run_id, *(run.run_id for run in _earlier_runs(context))]:
        beginning = f"{run_id}/{work}/"
        kept = context.instance.get_run_tags([_tag(context)], value_prefix=beginning)
        found = [value.removeprefix(beginning) for _, values in kept for value in values if value.startswith(beginning)]
        if found and (run_id == context.run.run_id or not any(value.endswith(_JUDGED) for value in found)):
            return max(value.removesuffix(_JUDGED) for value in found)
    return None


def judged_runs(context: StepContext) -> int:
    """Return how many earlier runs, of which this one is a re-execution, came to a verdict in this step."""
    kept = [(run.run_id, run.tags.get(_tag(context), "")) for run in _earlier_runs(context)]
    return sum(value.startswith(run_id) and value.endswith(_JUDGED) for run_id, value in kept)


def _earlier_runs(context: StepContext) -> list[dg.DagsterRun]:
    """Return the runs of which this one is a re-execution."""
    if context.run.root_run_id is None:
        return []
    _, runs = context.instance.get_run_group(context.run.run_id) or (None, ())
    return [run for run in runs if run.run_id != context.run.run_id]


def read_check_evaluations(instance: dg.DagsterInstance, after: int, limit: int) -> list[tuple[int, dg.EventLogEntry]]:
    """Return evaluations of all checks behind the storage id ``after``, in their order, each with its id."""
    kind, storage = dg.DagsterEventType.ASSET_CHECK_EVALUATION, instance.event_log_storage
    if storage.is_run_sharded:
        # Default SQLite storage: a file for each run, and one that holds the evaluations of all. Only this method reads
        # the latter in order; get_event_records would open the runs' files one by one and takes no id.
        return list(storage.get_logs_for_all_runs_by_log_id(after, kind, limit).items())
    # Dagster has announced to replace get_event_records in 2.0, but nothing else lists evaluations in Dagster+.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: Any = instance.get_event_records(dg.EventRecordsFilter(kind, after_cursor=after), limit, ascending=True)
    return [(record.storage_id, record.event_log_entry) for record in found]


def freshness_states(instance: dg.DagsterInstance, graph: Any) -> dict[dg.AssetKey, str]:
    """Return the state of each asset of a repository's graph that has a freshness policy: PASS, WARN, FAIL, UNKNOWN.

    The daemon evaluates them, and keeps the last state of each asset where only this method reads it.
    """
    watched = [node.key for node in graph.asset_nodes if node.freshness_policy_or_from_metadata]
    records = instance.get_freshness_state_records(watched)
    return {key: records[key].freshness_state.value if key in records else "UNKNOWN" for key in watched}


def last_event_id(instance: dg.DagsterInstance) -> int:
    """Return the storage id of the newest event, 0 where there is none: SQLite gives those of wiped ones anew."""
    return instance.event_log_storage.get_maximum_record_id() or 0


def _tag(context: StepContext) -> str:
    return f"{_PREFIX}/{step_name(context)[-_LONGEST_TAG_NAME:]}"
