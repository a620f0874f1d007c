"""What a step keeps from one of its tries for the next: a tag of the run, on whichever machines the tries run."""

from __future__ import annotations

import dagster as dg

_PREFIX = "dot_started"
_LONGEST_TAG_NAME = 63
_JUDGED = "!"


def remember(context: dg.AssetCheckExecutionContext, work: str, started: str, *, judged: bool = False) -> None:
    """Keep what this step has started at Dot, for its next try, and whether it has come to a verdict.

    Args:
        context: the step's.
        work: id of what was to be done, such as that of an evaluation; without slashes.
        started: id that Dot gave to it, such as that of the evaluation's run.
    """
    # Dagster hands a run's tags on to its re-execution, which is to start its own: so the tag names the run, too.
    run_id = context.run.run_id
    context.instance.add_run_tags(run_id, {_tag(context): f"{run_id}/{work}/{started}{_JUDGED * judged}"})


def recall(context: dg.AssetCheckExecutionContext, work: str) -> str | None:
    """Return what an earlier try of this step has started, in the same run and for the same work; else None."""
    # Dagster adds a tag by reading the run and writing it back, so that of two steps at the same moment one is lost in
    # the run itself; never in the table of tags, which this reads.
    beginning = f"{context.run.run_id}/{work}/"
    kept = context.instance.get_run_tags([_tag(context)], value_prefix=beginning)
    found = {
        value.removeprefix(beginning).removesuffix(_JUDGED)
        for _, values in kept
        for value in values
        if value.startswith(beginning)
    }
    return max(found, default=None)


def judged_runs(context: dg.AssetCheckExecutionContext) -> int:
    """Return how many earlier runs, of which this one is a re-execution, came to a verdict in this step."""
    if context.run.root_run_id is None:
        return 0
    _, runs = context.instance.get_run_group(context.run.run_id) or (None, ())
    others = [run for run in runs if run.run_id != context.run.run_id]
    kept = [run.tags.get(_tag(context), "") for run in others]
    return sum(
        value.startswith(run.run_id) and value.endswith(_JUDGED) for run, value in zip(others, kept, strict=True)
    )


def _tag(context: dg.AssetCheckExecutionContext) -> str:
    return f"{_PREFIX}/{str(context.op_execution_context.op_handle)[-_LONGEST_TAG_NAME:]}"
