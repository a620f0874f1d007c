"""Verdicts of Dot's checks as two assets in any warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder
from dagster_dot.asset_options import AssetOptions, GraphOptions, check_options
from dagster_dot.components.scaffolding import MY_CONNECTION, SCHEDULE, dot_component
from dagster_dot.history import WAREHOUSE, DotWarehouseComponent, table_schema, table_spec, warehouse_attributes
from dagster_dot.references import look_up
from dot_provider.api import DotNotFoundError, DotUsageError
from dot_provider.history.destination import dataset_name, known_destination
from dot_provider.history.tables import EVALUATION_RESULTS, EVALUATION_RUNS, EVALUATIONS

if TYPE_CHECKING:
    from dot_provider.api import DotClient

OVERLAP_SECONDS = 86400.0
"""How far behind the last materialization is looked once more: Dagster orders evaluations by when they were planned."""

PAGE = 100
"""How many evaluations of a check are read from Dagster's storage at once."""

Checks = dg.AssetChecksDefinition | dg.AssetCheckKey | str

_DESCRIPTIONS = {
    EVALUATION_RUNS: "One row per run of an evaluation; key run_id, the record as Dot sent it in raw.",
    EVALUATION_RESULTS: "One row per question of a run, with what was expected and observed; key run_id and position.",
}


@asset_builder
def build_dot_evaluation_history_assets(
    *,
    checks: Sequence[Checks],
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    destination_options: Mapping[str, Any] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    **options: Unpack[GraphOptions],
) -> AssetStep:
    """Build the assets ``evaluation_runs`` and ``evaluation_results``, loaded together by one step.

    ``GET /evaluation_runs/{run_id}`` for each run that the checks have evaluated since the assets were materialized
    last; for all, the first time. The same run again gives the same rows, so a load that failed is made up for by the
    next. Give them a schedule of their own: behind a closed gate nothing is materialized in the same run.

    Args:
        checks: the checks whose runs are kept, as ``build_dot_evaluation_checks`` or ``build_dot_evaluation_check``
            returns them, or by their keys, like ``dot/dbt/shop:dot_evaluation``.
        destination: the warehouse as dlt names it, like ``duckdb``, ``postgres`` or ``snowflake``.
        credentials: what dlt takes for it, as for ``build_dot_history_assets``.
        dataset: the schema that holds the tables, written as dlt writes names: ``DotHistory`` is ``dot_history``.
        destination_options: further settings of the dlt destination, like ``{"location": "EU"}`` for BigQuery.
        key_prefix: prefix of both keys; the dataset by default.
        **options: for both assets, see ``GraphOptions``.

    Raises:
        DotUsageError: there are no checks, or one is none, ``dataset`` is empty, or an option is unknown.

    Example:
        >>> build_dot_evaluation_history_assets(checks=[gate], destination="duckdb", credentials="warehouse.duckdb")
    """
    check_options(options, GraphOptions)
    keys = _check_keys(checks)
    known_destination(destination)
    dataset = dataset_name(dataset)
    given: AssetOptions = {**options}  # type: ignore[typeddict-item]
    prefix = [dataset] if key_prefix is None else [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    specs = [table_spec(table, words, prefix, destination, dataset, given) for table, words in _DESCRIPTIONS.items()]

    def verdicts_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        from dot_provider.history import load_evaluation_runs

        runs, gone = [], []
        for run_id in _evaluated(context.instance, keys, specs[0].key):
            try:
                runs.append(client.evaluation_run(run_id))
            except DotNotFoundError:
                gone.append(run_id)
        if gone:
            context.log.warning(f"Dot has these runs no more, so they are not loaded: {', '.join(gone)}.")
        loaded = load_evaluation_runs(
            runs,
            destination=destination,
            credentials=look_up("credentials", credentials),
            dataset=dataset,
            options=look_up("destination_options", destination_options),
        )
        counts = (loaded.runs, loaded.results)
        tables = zip(loaded.tables, EVALUATIONS.columns.items(), strict=True)
        for spec, count, (name, (table, columns)) in zip(specs, counts, tables, strict=True):
            facts: dict[str, Any] = {"dagster/table_name": name, "rows_loaded": count, "gone": ", ".join(gone)}
            schema = table_schema(table, columns)
            yield dg.MaterializeResult(asset_key=spec.key, metadata={**facts, "dagster/column_schema": schema})

    return AssetStep(specs, verdicts_step, options, name="__".join([*prefix, "evaluation_history"]))


def _check_keys(checks: Sequence[Checks]) -> list[dg.AssetCheckKey]:
    if isinstance(checks, str) or not checks:
        raise DotUsageError("checks must be a list of checks, or of keys like dot/dbt/shop:dot_evaluation.")
    keys: list[dg.AssetCheckKey] = []
    for check in checks:
        if isinstance(check, dg.AssetChecksDefinition):
            keys += check.check_keys
        elif isinstance(check, dg.AssetCheckKey):
            keys.append(check)
        elif isinstance(check, str) and all(parts := check.rpartition(":")):
            keys.append(dg.AssetCheckKey(dg.AssetKey.from_user_string(parts[0]), parts[2]))
        else:
            raise DotUsageError(f"checks: {check!r} is no check; write it like dot/dbt/shop:dot_evaluation.")
    return keys


def _evaluated(instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey], asset: dg.AssetKey) -> list[str]:
    """Return the runs that checks have evaluated since the asset was materialized, in the order of their first."""
    last = instance.get_latest_materialization_event(asset)
    since = last.timestamp - OVERLAP_SECONDS if last is not None else 0.0
    found = sorted(one for check in checks for one in _evaluations(instance, check, since))
    return list(dict.fromkeys(run_id for _, run_id in found))


def _evaluations(instance: dg.DagsterInstance, check: dg.AssetCheckKey, since: float) -> Iterator[tuple[float, str]]:
    """Yield time and run of each evaluation of a check, from the newest back to ``since``."""
    cursor: int | None = None
    while True:
        page = instance.event_log_storage.get_asset_check_execution_history(check, limit=PAGE, cursor=cursor)
        for record in page:
            if record.create_timestamp < since:
                return
            evaluation = record.event.asset_check_evaluation if record.event is not None else None
            if evaluation is not None and "evaluation_run" in evaluation.metadata:
                yield record.create_timestamp, str(evaluation.metadata["evaluation_run"].value)
        if len(page) < PAGE:
            return
        cursor = page[-1].id


@dot_component(
    "Dot: keep the verdicts",
    scaffold={"check": f"dot/dbt/{MY_CONNECTION}:dot_evaluation", **WAREHOUSE, **SCHEDULE},
    attributes=lambda made: {"checks": [made.check], **warehouse_attributes(made)},
)
class DotEvaluationHistoryComponent(DotWarehouseComponent):
    """Loads the verdicts of Dot's evaluation checks into any warehouse that dlt knows; each run once."""

    builder: ClassVar[Callable[..., Any]] = build_dot_evaluation_history_assets

    checks: Sequence[str]
