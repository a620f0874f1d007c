"""The step behind every asset of Dot's: it gets the client, and failures become Dagster's.

This module does without postponed annotations, because Dagster reads those of the functions it decorates.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg

from dagster_dot.asset_options import StepOptions, check_options, cleaned
from dagster_dot.failures import dot_failures
from dagster_dot.resource import RESOURCE_KEY, client_of

if TYPE_CHECKING:
    from dot_provider.api import DotClient

CheckResults: TypeAlias = Iterable[dg.AssetCheckResult]
Evaluate: TypeAlias = Callable[[dg.AssetCheckExecutionContext, "DotClient"], CheckResults]
"""What a step of checks does: from its context and the client to one result per check."""

Results: TypeAlias = Iterable["dg.MaterializeResult[object]"]
Materialize: TypeAlias = Callable[[dg.AssetExecutionContext, "DotClient"], Results]
"""What a step does: from its context and the client to one result per asset. ``DotError`` may be raised."""


def build_step(
    specs: Sequence[dg.AssetSpec],
    materialize: Materialize,
    options: StepOptions,
    *,
    name: str | None = None,
    can_subset: bool = False,
    backfill_policy: dg.BackfillPolicy | None = None,
) -> dg.AssetsDefinition:
    """Build the definition of assets that one step materializes.

    Args:
        specs: the assets.
        materialize: what the step does.
        options: the user's options for the step; others than those of ``AssetStepOptions`` are not looked at.
        name: the step's name; made of the first asset's key by default.
        can_subset: whether ``materialize`` looks at ``context.selected_asset_keys``.
        backfill_policy: how a backfill spreads its partitions over runs, unless the options say it.
    """
    resource_key = options.get("resource_key", RESOURCE_KEY)
    retry_policy = options.get("retry_policy")
    of_assets: Any = options

    @dg.multi_asset(
        name=cleaned(name or "__".join(specs[0].key.path)),
        specs=specs,
        can_subset=can_subset,
        backfill_policy=of_assets.get("backfill_policy", backfill_policy),
        op_tags=options.get("op_tags"),
        required_resource_keys={resource_key},
        retry_policy=retry_policy,
        pool=options.get("pool"),
    )
    def dot_step(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        with dot_failures(retry_policy):
            yield from materialize(context, client_of(context, resource_key))

    return dot_step


def build_check_step(
    specs: Sequence[dg.AssetCheckSpec],
    evaluate: Evaluate,
    options: StepOptions,
    *,
    name: str,
    resources: Collection[str] = (),
) -> dg.AssetChecksDefinition:
    """Build the definition of checks that one step evaluates, any of which can be selected by itself.

    Args:
        specs: the checks.
        evaluate: what the step does; results of checks that were not selected are left out here.
        options: the user's options for the step.
        name: the step's name.
        resources: keys of resources that the step needs beside Dot's.

    Raises:
        DotUsageError: an option is none of ``StepOptions``.
    """
    check_options(options, StepOptions)
    resource_key = options.get("resource_key", RESOURCE_KEY)
    retry_policy = options.get("retry_policy")

    @dg.multi_asset_check(
        name=cleaned(name),
        specs=specs,
        can_subset=True,
        op_tags=options.get("op_tags"),
        required_resource_keys={resource_key, *resources},
        retry_policy=retry_policy,
        pool=options.get("pool"),
    )
    def dot_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        with dot_failures(retry_policy):
            results = evaluate(context, client_of(context, resource_key))
            yield from (result for result in results if result.check_name in selected)

    return dot_checks
