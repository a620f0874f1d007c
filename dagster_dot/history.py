"""Dot's conversation history as two assets in any warehouse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder
from dagster_dot.asset_options import AssetOptions, GraphOptions, asset_spec, check_options, clean_name
from dagster_dot.components.base import DotAssetComponent
from dagster_dot.components.form_fields import reference
from dagster_dot.components.scaffolding import SCHEDULE, Variable, dot_component, env_reference
from dagster_dot.references import look_up
from dot_provider.api import DotUsageError
from dot_provider.api.arguments import checked_day, checked_flag
from dot_provider.history.destination import DESTINATIONS, dataset_name, known_destination
from dot_provider.history.tables import COLUMNS, COMMENTS, CONVERSATIONS, MESSAGES, REQUIRED, TABLES
from dot_provider.history.window import DEFAULT_LOOKBACK_DAYS, HistoryWindow

if TYPE_CHECKING:
    from dot_provider.api import DotClient
    from dot_provider.history import LoadResult

_ANY_TIME = datetime(2026, 1, 1, tzinfo=timezone.utc)
_DESCRIPTIONS = {
    CONVERSATIONS: "One row per conversation with Dot; key chat_id, the record as Dot sent it in raw.",
    MESSAGES: "One row per message of a conversation; key chat_id and position.",
}


@asset_builder
def build_dot_history_assets(
    *,
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    start_date: str | date | None = None,
    lookback_days: int = DEFAULT_LOOKBACK_DAYS,
    include_all_workspaces: bool = False,
    max_bad_records: int = 0,
    mark_deleted: bool = False,
    destination_options: Mapping[str, Any] | None = None,
    key_prefix: str | Sequence[str] | None = None,
    **options: Unpack[GraphOptions],
) -> AssetStep:
    """Build the assets ``conversations`` and ``messages``, loaded together by one step.

    ``GET /export_history``, written to a temporary file and loaded by dlt. A conversation replaces its former self, so
    the same days twice give the same rows; a backfill over many days is one run with one export.

    Args:
        destination: the warehouse as dlt names it, like ``duckdb``, ``postgres`` or ``snowflake``.
        credentials: what dlt takes for it: a URL, a path or a mapping, with references for what is secret. In Python
            an ``EnvVar``, also as a value of the mapping, or a function that returns the credentials; they are looked
            up when the step runs. None leaves it to dlt.
        dataset: the schema that holds the tables, written as dlt writes names: ``DotHistory`` is ``dot_history``.
        start_date: first day (YYYY-MM-DD) of daily partitions in UTC. Without it, and without ``partitions_def`` among
            the options, the assets have no partitions and load the last two weeks each time.
        lookback_days: days before the partition that are exported once more, for chats that went on after their day.
        include_all_workspaces: also conversations of other workspaces that the token's user may see.
        max_bad_records: how many records may be left out because they cannot be read; with more nothing is loaded.
        mark_deleted: set ``deleted_at`` of stored conversations of these days that did not come again.
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
    check_options(options, GraphOptions)
    HistoryWindow.of_interval(_ANY_TIME, _ANY_TIME, lookback_days=lookback_days)  # refuses a wrong lookback now
    known_destination(destination)
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
    checked_flag("include_all_workspaces", include_all_workspaces)
    checked_flag("mark_deleted", mark_deleted)
    prefix = [dataset] if key_prefix is None else [key_prefix] if isinstance(key_prefix, str) else list(key_prefix)

    def history_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
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
            max_bad_records=max_bad_records,
            mark_deleted=mark_deleted,
            count_tables=True,
            periods=list(periods.values()),
        )
        for rejection in result.rejections:
            context.log.warning(f"Not loaded: {rejection}.")
        for spec, table in zip(context.assets_def.specs, TABLES, strict=True):
            for partition, rows in zip(periods, result.period_rows[table], strict=True):
                context.add_asset_metadata({"dagster/partition_row_count": rows}, spec.key, partition)
            yield dg.MaterializeResult(asset_key=spec.key, metadata=_metadata(table, result, len(periods) > 1))

    return AssetStep(
        [table_spec(table, _DESCRIPTIONS[table], prefix, destination, dataset, given) for table in TABLES],
        history_step,
        options,
        name="__".join([*prefix, "history"]),
        backfill_policy=None if partitions is None else dg.BackfillPolicy.single_run(),
    )


def table_spec(
    table: str, description: str, prefix: Sequence[str], destination: str, dataset: str, options: AssetOptions
) -> dg.AssetSpec:
    """Return the spec of a table in a warehouse, as Dagster's catalog knows such ones."""
    metadata = {"dagster/table_name": f"{dataset}.{table}", "dagster/storage_kind": destination}
    shared: AssetOptions = {
        **options,
        "metadata": {**metadata, **options.get("metadata", {})},
        "kinds": {clean_name(destination), *options.get("kinds", set())},
    }
    return asset_spec([*prefix, table], description, **shared)


def _window(context: dg.AssetExecutionContext, lookback_days: int) -> HistoryWindow:
    if not (context.has_partition_key or context.has_partition_key_range):
        if context.assets_def.partitions_def is not None:
            raise DotUsageError(
                "This run has no partition, so it is not known which days to load: launch it for a partition, as the "
                "component's schedule and a backfill do, or with partition_key= from Python."
            )
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
    counts: dict[str, Any] = {"dagster/table_name": result.tables[TABLES.index(table)]}
    if not several_partitions:  # Dagster writes the same metadata on each, where a sum would be no partition's own
        counts["rows_loaded"] = loaded
        if table == CONVERSATIONS:
            counts |= {
                f"{name}_rows": getattr(result, name) for name in ("new", "changed", "unchanged", "stale", "deleted")
            }
    if result.latest_at is not None:
        lag = datetime.now(timezone.utc) - result.latest_at
        counts |= {
            "latest_at": dg.TimestampMetadataValue(result.latest_at.timestamp()),
            "lag_days": lag.total_seconds() / 86400,
        }
    if result.table_rows is not None:
        counts["dagster/row_count"] = result.table_rows[table]
    return {
        **counts,
        "window": str(result.window),
        "seconds": round(result.seconds, 3),
        "rejected_records": result.rejected,
        "cleaned_characters": result.cleaned_characters,
        "unreadable": dict(result.unreadable),
        "dagster/column_schema": table_schema(table, COLUMNS[table]),
    }


def table_schema(table: str, columns: Mapping[str, str]) -> dg.TableSchema:
    """Return names, types and meanings of a table's columns, as the asset's page shows them."""
    not_null = dg.TableColumnConstraints(nullable=False)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, kind, COMMENTS[table][name], constraints=not_null if name in REQUIRED else None)
            for name, kind in columns.items()
        ]
    )


class DotWarehouseComponent(DotAssetComponent):
    """What the components have in common whose two assets are tables of a warehouse."""

    builder: ClassVar[Callable[..., Any]] = build_dot_history_assets

    destination: str
    credentials: Annotated[Any, reference(str | dict[str, Any] | None)] = None
    dataset: str = "dot"
    key_prefix: str | Sequence[str] | None = None
    destination_options: Annotated[Any, reference(dict[str, Any] | None)] = None

    @property
    def asset_options(self) -> AssetOptions:
        """The fields of ``asset`` that were given, for both tables."""
        for name in ("key", "description"):
            if name in self.asset:
                raise DotUsageError(f"These are two assets, so asset takes no {name}; key_prefix moves both.")
        return super().asset_options


WAREHOUSE = {
    "destination": (Literal[DESTINATIONS], "duckdb"),
    "credentials_variable": (Variable, "DOT_HISTORY_CREDENTIALS"),
    "dataset": "dot",
}
"""Options of ``dg scaffold defs`` that say which warehouse."""


def warehouse_attributes(made: Any) -> dict[str, Any]:
    """Return the options of ``WAREHOUSE``, and others that are fields, as YAML has them."""
    given = made.model_dump(exclude={"credentials_variable", "check"})
    return {**given, "credentials": env_reference(made.credentials_variable)}


@dot_component(
    "Dot: load the history",
    scaffold={**WAREHOUSE, "start_date": "2026-01-01", **SCHEDULE},
    attributes=warehouse_attributes,
)
class DotHistoryComponent(DotWarehouseComponent):
    """Loads Dot's conversation history into any warehouse that dlt knows; the same days twice give the same rows."""

    start_date: str | None = None
    lookback_days: int = DEFAULT_LOOKBACK_DAYS
    include_all_workspaces: bool = False
    max_bad_records: int = 0
    mark_deleted: bool = False
