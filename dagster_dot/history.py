"""Dot's conversation history as two assets in any warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import Materialize, Results, build_step
from dagster_dot.asset_options import AssetOptions, GraphOptions, StepOptions, asset_spec, check_options, cleaned
from dagster_dot.references import look_up
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import checked_day
from dot_provider.history.destination import dataset_name
from dot_provider.history.tables import COLUMNS, CONVERSATIONS, MESSAGES, REQUIRED
from dot_provider.history.window import DEFAULT_LOOKBACK_DAYS, HistoryWindow

if TYPE_CHECKING:
    from dot_provider.api import DotClient
    from dot_provider.history import LoadResult

_ANY_TIME = datetime(2026, 1, 1, tzinfo=timezone.utc)
_DESCRIPTIONS = {
    CONVERSATIONS: "One row per conversation with Dot; key chat_id, the record as Dot sent it in raw.",
    MESSAGES: "One row per message of a conversation; key chat_id and position.",
}


def build_dot_history_assets(
    *,
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    start_date: str | date | None = None,
    lookback_days: int = DEFAULT_LOOKBACK_DAYS,
    include_all_workspaces: bool = False,
    destination_options: Mapping[str, Any] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    **options: Unpack[GraphOptions],
) -> dg.AssetsDefinition:
    """Build the assets ``conversations`` and ``messages``, loaded together by one step.

    ``GET /export_history``, written to a temporary file and loaded by dlt. A conversation replaces its former self, so
    the same days twice give the same rows; a backfill over many days is one run with one export.

    Args:
        destination: dlt's name of the warehouse, like ``"duckdb"``, ``"postgres"`` or ``"snowflake"``.
        credentials: what dlt takes for it: a URL, a path or a mapping. An ``EnvVar``, also as a value of the mapping,
            or a function that returns the credentials, is looked up when the step runs. None leaves it to dlt.
        dataset: the schema that holds the tables, written as dlt writes names: ``DotHistory`` is ``dot_history``.
        start_date: first day (a date, or YYYY-MM-DD) of daily partitions in UTC. Without it, and without
            ``partitions_def`` among the options, the assets have no partitions and load the last two weeks each time.
        lookback_days: days before the partition that are exported once more, for chats that went on after their day.
        include_all_workspaces: also conversations of other workspaces that the token's user may see.
        destination_options: further settings of the dlt destination, like ``{"location": "EU"}`` for BigQuery.
        key_prefix: prefix of both keys; the dataset by default.
        **options: for both assets, see ``GraphOptions``. ``partitions_def`` takes any time window partitions instead
            of ``start_date``; a ``pool`` keeps a DuckDB file to one writer at a time.

    Raises:
        DotUsageError: ``start_date`` is no day or stands beside ``partitions_def``, the partitions are not of time,
            ``lookback_days`` is no whole number of days, ``dataset`` is empty, or an option is unknown.

    Examples:
        >>> build_dot_history_assets(destination="duckdb", credentials="warehouse.duckdb", start_date="2026-01-01")
        >>> build_dot_history_assets(
        ...     destination="snowflake", credentials=dg.EnvVar("SNOWFLAKE_URL"), start_date="2026-01-01"
        ... )
    """
    specs = history_specs(destination, dataset, start_date, key_prefix, **options)
    load = loading(
        [spec.key for spec in specs],
        destination=destination,
        credentials=credentials,
        dataset=dataset,
        lookback_days=lookback_days,
        include_all_workspaces=include_all_workspaces,
        destination_options=destination_options,
    )
    return history_step(specs, load, options)


def history_specs(
    destination: str,
    dataset: str = "dot",
    start_date: str | date | None = None,
    key_prefix: str | Sequence[str] | None = None,
    **options: Unpack[GraphOptions],
) -> list[dg.AssetSpec]:
    """Return the specs of ``conversations`` and ``messages``, in this order.

    Raises:
        DotUsageError: see ``build_dot_history_assets``.
    """
    check_options(options, GraphOptions)
    dataset = dataset_name(dataset)
    given: AssetOptions = {**options}  # type: ignore[typeddict-item]
    if start_date is not None:
        if "partitions_def" in given:
            raise DotUsageError("Give start_date or partitions_def, one of the two.")
        given["partitions_def"] = dg.DailyPartitionsDefinition(checked_day("start_date", start_date))
    partitions = given.get("partitions_def")
    if partitions is not None and not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        raise DotUsageError(
            f"partitions_def must be partitions of time (hourly, daily, weekly, ...), because Dot exports days; "
            f"{type(partitions).__name__} has none."
        )
    prefix = [dataset] if key_prefix is None else [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)
    return [_spec(table, prefix, destination, dataset, given) for table in COLUMNS]


def history_step(specs: Sequence[dg.AssetSpec], load: Materialize, options: StepOptions) -> dg.AssetsDefinition:
    """Build the definition of both assets; a backfill over many partitions is one run unless the options say else."""
    partitioned = specs[0].partitions_def is not None
    return build_step(
        specs,
        load,
        options,
        name="__".join([*specs[0].key.path[:-1], "history"]),
        backfill_policy=dg.BackfillPolicy.single_run() if partitioned else None,
    )


def loading(
    keys: Sequence[dg.AssetKey],
    *,
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    lookback_days: int = DEFAULT_LOOKBACK_DAYS,
    include_all_workspaces: bool = False,
    destination_options: Mapping[str, Any] | None = None,
) -> Materialize:
    """Return what the step does; ``keys`` are those of both tables, the rest is of ``build_dot_history_assets``."""
    HistoryWindow.of_interval(_ANY_TIME, _ANY_TIME, lookback_days=lookback_days)  # refuses a wrong lookback now

    def materialize(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        from dot_provider.history import export_history

        warehouse = look_up("credentials", credentials), look_up("destination_options", destination_options)
        window, periods = _window(context, lookback_days), _periods(context)
        context.log.info(f"Loading the conversations of {window}")
        result = export_history(
            client,
            window,
            destination=destination,
            credentials=warehouse[0],
            dataset=dataset,
            options=warehouse[1],
            include_all_workspaces=include_all_workspaces,
            count_tables=True,
            periods=list(periods.values()),
        )
        for rejection in result.rejections:
            context.log.warning(f"Not loaded: {rejection}.")
        for key, table in zip(keys, COLUMNS, strict=True):
            for partition, rows in zip(periods, result.period_rows[table], strict=True):
                context.add_asset_metadata({"dagster/partition_row_count": rows}, key, partition)
            yield dg.MaterializeResult(asset_key=key, metadata=_metadata(table, result, len(periods) > 1))

    return materialize


def _spec(table: str, prefix: Sequence[str], destination: str, dataset: str, options: AssetOptions) -> dg.AssetSpec:
    metadata = {"dagster/table_name": f"{dataset}.{table}", "dagster/storage_kind": destination}
    shared: AssetOptions = {
        **options,
        "metadata": {**metadata, **options.get("metadata", {})},
        "kinds": {cleaned(destination), *options.get("kinds", set())},
    }
    return asset_spec([*prefix, table], _DESCRIPTIONS[table], **shared)


def _window(context: dg.AssetExecutionContext, lookback_days: int) -> HistoryWindow:
    if not (context.has_partition_key or context.has_partition_key_range):
        return HistoryWindow.of_dates()
    span = context.partition_time_window
    zone = span.start.tzinfo or timezone.utc
    return HistoryWindow.of_interval(span.start, span.end, lookback_days=lookback_days, tz=zone)


def _periods(context: dg.AssetExecutionContext) -> dict[str, tuple[datetime, datetime]]:
    """Return the partitions of this run, each with its beginning and its end."""
    partitions = context.assets_def.partitions_def
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return {}
    windows = {key: partitions.time_window_for_partition_key(key) for key in context.partition_keys}
    return {key: (window.start, window.end) for key, window in windows.items()}


def _metadata(table: str, result: LoadResult, several_partitions: bool) -> dict[str, Any]:
    loaded = {CONVERSATIONS: result.conversations, MESSAGES: result.messages}[table]
    # As the warehouse has it: some write names in capitals.
    counts: dict[str, Any] = {"dagster/table_name": result.tables[list(COLUMNS).index(table)]}
    if not several_partitions:  # Dagster writes the same metadata on each, where a sum would be no partition's own
        counts["rows_loaded"] = loaded
    if result.table_rows is not None:
        counts["dagster/row_count"] = result.table_rows[table]
    columns = [
        dg.TableColumn(name, kind, constraints=dg.TableColumnConstraints(nullable=name not in REQUIRED))
        for name, kind in COLUMNS[table].items()
    ]
    return {
        **counts,
        "window": str(result.window),
        "seconds": round(result.seconds, 3),
        "rejected_records": result.rejected,
        "cleaned_characters": result.cleaned_characters,
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }
