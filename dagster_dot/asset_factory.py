"""The step behind every asset and check of Dot's: it gets the client, and Dot's errors become Dagster's.

This module does without postponed annotations, because Dagster reads those of the functions it decorates.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import signature, unwrap
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias
from weakref import WeakValueDictionary

import dagster as dg

from dagster_dot.asset_options import StepOptions, check_options, clean_name
from dagster_dot.resource import RESOURCE_KEY, client_of
from dot_provider.api.errors import (
    DotError,
    DotEvaluationFailedError,
    DotPartialError,
    DotRefusedError,
    DotTransientError,
    DotValidationError,
)

if TYPE_CHECKING:
    from dot_provider.api import DotClient, PushReport
    from dot_provider.api.manage_users import UserReport

Results: TypeAlias = Iterable["dg.MaterializeResult[object]"]
Materialize: TypeAlias = Callable[[dg.AssetExecutionContext, "DotClient"], Results]
"""What a step does: from its context and the client to one result per asset; a step of one asset need not name it.
``DotError`` may be raised."""

CheckResults: TypeAlias = Iterable[dg.AssetCheckResult]
Evaluate: TypeAlias = Callable[[dg.AssetCheckExecutionContext, "DotClient"], CheckResults]
"""What a step of checks does: from its context and the client to one result per check."""

P = ParamSpec("P")

RETRIES_AT_DOTS_WORD = 3
"""How often a step without a retry policy is repeated where Dot named a time to come back at."""


@dataclass(frozen=True)
class AssetStep:
    """One step that materializes assets of Dot's.

    Attributes:
        specs: the assets.
        materialize: what the step does.
        options: the user's options; fields of the assets among them are in ``specs`` already.
        name: the step's name; made of the first asset's key by default.
        can_subset: whether ``materialize`` looks at ``context.selected_asset_keys``.
        checks: the checks that the step evaluates beside materializing.
        config: what a run can set for the step, in the launchpad or a schedule's ``run_config``.
        backfill_policy: how a backfill spreads its partitions over runs, unless the options say it.
    """

    specs: Sequence[dg.AssetSpec]
    materialize: Materialize
    options: StepOptions
    name: str | None = None
    can_subset: bool = False
    checks: Sequence[dg.AssetCheckSpec] = ()
    config: type[dg.Config] | None = None
    backfill_policy: dg.BackfillPolicy | None = None

    def build(self) -> dg.AssetsDefinition:
        """Return the definition, for ``Definitions``."""
        of_assets: Any = self.options
        resource_key, settings = _settings(self.options)

        @dg.multi_asset(
            name=clean_name(self.name or "__".join(self.specs[0].key.path)),
            specs=self.specs,
            can_subset=self.can_subset,
            check_specs=self.checks,
            config_schema=_config_fields(self.config),
            backfill_policy=of_assets.get("backfill_policy", self.backfill_policy),
            **settings,
        )
        def dot_step(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
            with dot_failures(settings["retry_policy"]):
                yield from self.materialize(context, client_of(context, resource_key))

        if not of_assets.keys() & {"key", "name"}:
            for spec in self.specs:
                _warn_of_namesake(spec, dot_step)
        return dot_step


_MADE: WeakValueDictionary[dg.AssetKey, dg.AssetsDefinition] = WeakValueDictionary()


def _warn_of_namesake(spec: dg.AssetSpec, made: dg.AssetsDefinition) -> None:
    """Say which two assets got one key from their words: Dagster's own refusal names the key alone.

    Only a warning, because they may belong to different code locations, or the older one to a module that was reloaded.
    """
    other = _MADE.get(spec.key)
    words = other.specs_by_key[spec.key].description if other else spec.description
    if words != spec.description:
        key = spec.key.to_user_string()
        dg.get_dagster_logger("dagster_dot").warning(
            f"{words!r} and {spec.description!r} are both the asset {key}, of which a code location has one: "
            "give one of them a name= (in YAML an asset.key)."
        )
    _MADE[spec.key] = made


def asset_builder(make: Callable[P, AssetStep]) -> Callable[P, dg.AssetsDefinition]:
    """Return the public form of a function that makes a step: it takes the same, and returns the definition."""

    @wraps(make)
    def build(*args: P.args, **kwargs: P.kwargs) -> dg.AssetsDefinition:
        return make(*args, **kwargs).build()

    build.__signature__ = signature(make).replace(return_annotation=dg.AssetsDefinition)  # type: ignore[attr-defined]
    return build


def step_of(builder: Callable[..., dg.AssetsDefinition], **arguments: Any) -> AssetStep:
    """Return the step that a builder makes, for those who change it before it becomes a definition."""
    step: AssetStep = unwrap(builder)(**arguments)
    return step


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
    resource_key, settings = _settings(options)

    settings["required_resource_keys"] |= set(resources)

    @dg.multi_asset_check(name=clean_name(name), specs=specs, can_subset=True, **settings)
    def dot_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        with dot_failures(settings["retry_policy"]):
            results = evaluate(context, client_of(context, resource_key))
            yield from (result for result in results if result.check_name in selected)

    return dot_checks


def metadata_table(columns: Iterable[str], records: Iterable[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Return a table of texts for the asset's page; a cell that a record lacks is empty."""
    names = list(columns)
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: record.get(name, "") for name in names}) for record in records],
        schema=dg.TableSchema(columns=[dg.TableColumn(name, "string") for name in names]),
    )


SHOWN_CHANGES = 100
"""Changes that the table of a materialization lists."""


def report_metadata(report: "PushReport | UserReport") -> dict[str, Any]:
    """Return what a step that changed many things shows: how many of each kind, and a table of the first changes."""
    changes = [record for record in report.to_records() if record["outcome"] != "unchanged"][:SHOWN_CHANGES]
    table = {"changes": metadata_table(changes[0], changes)} if changes else {}
    return {"dry_run": report.dry_run, **report.counts, **table}


def _config_fields(config: type[dg.Config] | None) -> dict[str, Any] | None:
    shape: Any = config.to_config_schema().as_field().config_type if config else None
    return dict(shape.fields) if shape else None


def _settings(options: StepOptions) -> tuple[str, dict[str, Any]]:
    """Return the resource's key, and what Dagster's decorators take of ``options``."""
    key = options.get("resource_key", RESOURCE_KEY)
    names = ("retry_policy", "pool", "op_tags")
    return key, {"required_resource_keys": {key}, **{name: options.get(name) for name in names}}


@contextmanager
def dot_failures(retry_policy: dg.RetryPolicy | None = None) -> Iterator[None]:
    """Turn a ``DotError`` of the block into what Dagster understands.

    Args:
        retry_policy: the policy of the step, which limits how often Dot's ``Retry-After`` is followed.

    Raises:
        dg.RetryRequested: Dot said when to come back.
        dg.Failure: anything else; ``allow_retries`` tells whether the same work can succeed later.
    """
    try:
        yield
    except DotError as error:
        failure = as_failure(error)
        if isinstance(error, DotTransientError) and error.retry_after is not None:
            retries = retry_policy.max_retries if retry_policy else RETRIES_AT_DOTS_WORD
            raise dg.RetryRequested(max_retries=retries, seconds_to_wait=error.retry_after) from failure
        raise failure from error


def as_failure(error: DotError) -> dg.Failure:
    """Return the failure that shows ``error`` on a run's page: what to change, with the facts as metadata."""
    return dg.Failure(description=str(error), metadata=_metadata(error), allow_retries=error.retryable)


def _metadata(error: DotError) -> dict[str, Any]:
    facts: dict[str, Any] = {"dot_error": type(error).__name__}
    if error.chat_url:
        facts["chat"] = dg.MetadataValue.url(error.chat_url)
    if isinstance(error, DotRefusedError):
        facts["status"] = error.status
    if isinstance(error, DotValidationError) and error.fields:
        facts["fields"] = ", ".join(error.fields)
    if isinstance(error, DotTransientError) and error.retry_after is not None:
        facts["retry_after_seconds"] = error.retry_after
    if isinstance(error, DotPartialError):
        failed = [item for item in error.report if getattr(item, "outcome", "") == "failed"]
        facts["failed"] = dg.MetadataValue.json([f"{item.label}: {item.reason}" for item in failed])
    if isinstance(error, DotEvaluationFailedError):
        facts["evaluation_run"] = error.run.id
    return facts


@contextmanager
def warn_on_termination(log: logging.Logger, at_dot: str) -> Iterator[None]:
    """Log ``at_dot``, a sentence, where the run is terminated while the block waits for Dot; the step ends at once."""
    try:
        yield
    except dg.DagsterExecutionInterruptedError:
        log.warning(f"The run was terminated. {at_dot}")
        raise
