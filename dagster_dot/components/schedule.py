"""A cron schedule that a component brings along, so that what it makes runs by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg


def scheduled(
    cron: str | None, made: Sequence[dg.AssetsDefinition], name: str | None = None
) -> Sequence[dg.ScheduleDefinition]:
    """Return the schedule that materializes assets and evaluates checks in one run; of partitions the latest.

    Args:
        cron: such as ``0 6 * * *``, in UTC; none makes no schedule.
        made: what the steps make; all without partitions, or one with.
        name: the schedule's name; made of the step's by default.
    """
    if cron is None or not made:
        return []
    name = name or f"{made[0].node_def.name}_schedule"
    chosen: dg.AssetSelection = dg.AssetSelection.assets(*(key for one in made for key in one.keys))
    checks = [one for one in made if isinstance(one, dg.AssetChecksDefinition)]
    if checks:
        chosen = chosen | dg.AssetSelection.checks(*checks)
    partitions = made[0].partitions_def

    # Not annotated: Dagster reads annotations, which are text here.
    def run_request(context):  # type: ignore[no-untyped-def]
        if partitions is None:
            return dg.RunRequest()
        latest = partitions.get_last_partition_key()
        return dg.RunRequest(partition_key=latest) if latest else dg.SkipReason("There is no partition yet.")

    schedule: Any = dg.schedule(
        name=name,
        job=dg.define_asset_job(f"{name}_job", selection=chosen),
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )(run_request)
    return [schedule]


def unscheduled(defs: dg.Definitions) -> list[dg.AssetsDefinition]:
    """Return the steps that nothing starts by itself, and that a run without a partition can make."""
    if defs.schedules:
        return []
    made = [*(defs.assets or ()), *(defs.asset_checks or ())]
    steps = [step for step in made if isinstance(step, dg.AssetsDefinition) and step.partitions_def is None]
    return [step for step in steps if not any(spec.automation_condition for spec in step.specs)]
