"""Exporting Dot's conversation history, and the verdicts of evaluations, into a warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dot_provider.history import HistoryWindow, LoadResult, WarehouseDestination


class WarehouseOperator(DotOperator):
    """What the operators that load into a warehouse have in common: which one, and where in it."""

    template_fields: Sequence[str] = (
        *DotOperator.template_fields,
        *("destination", "warehouse_conn_id", "database", "dataset"),
    )

    def _load_into(
        self,
        destination: str | None,
        warehouse_conn_id: str | None,
        database: str | None,
        credentials: Any,
        dataset: str,
    ) -> None:
        """Take the arguments that say where to."""
        if destination is None and warehouse_conn_id is None:
            raise DotUsageError(f"Task {self.task_id}: give destination, warehouse_conn_id, or both.")
        places = {"database": database, "credentials": credentials, "warehouse_conn_id": warehouse_conn_id}
        given = [name for name, value in places.items() if value is not None]
        if len(given) > 1:
            raise DotUsageError(f"Task {self.task_id}: give only one of {' and '.join(given)}.")
        self.destination = destination
        self.warehouse_conn_id = warehouse_conn_id
        self.database = database
        self.credentials = credentials
        self.dataset = dataset

    def _warehouse(self, again: bool = False) -> WarehouseDestination:
        from dot_provider.history import WarehouseDestination
        from dot_provider.history.destination import dataset_name, usable_destination
        from dot_provider.hooks.warehouse import warehouse_of

        if self.warehouse_conn_id is not None:
            found = warehouse_of(self.warehouse_conn_id, self.destination, again=again)
        else:
            given = self.credentials() if callable(self.credentials) else self.credentials
            found = WarehouseDestination(str(self.destination), self.database or given)
        return usable_destination(found.destination, found.credentials, dataset_name(self.dataset), found.options)


class DotExportHistoryOperator(WarehouseOperator):
    """Load the conversations of the run's days into the tables ``conversations`` and ``messages``.

    ``GET /export_history``, streamed through a temporary file of the worker, then dlt. The same days again give the
    same rows: a conversation replaces its former self. The days are those of the data interval, or of the run's
    partition (Airflow 3.2 on); a run that has neither needs ``start_date``.

    Args:
        destination: dlt's name of the warehouse, such as ``snowflake`` or ``duckdb``; taken from ``warehouse_conn_id``
            when left out. Alone, dlt finds the credentials in its own configuration.
        warehouse_conn_id: Airflow connection to the warehouse.
        database: path of the database file, or ``md:<database>``, for ``destination="duckdb"`` without a connection.
        credentials: what dlt takes for ``destination`` instead of a connection, or better a function that returns it: a
            function runs in the worker, so that no secret stands in the DAG.
        dataset: schema that holds the tables, written as dlt writes names: ``DotHistory`` is ``dot_history``.
        start_date: first day, as ``YYYY-MM-DD`` or a ``date``, instead of the data interval's. A ``datetime`` is taken
            for what it is in every operator, the start of the task's schedule, because DAGs put it into
            ``default_args``.
        end_date: the day after the last one, in the same way.
        lookback_days: days before the interval that are exported once more, for chats that went on or were rated later.
        include_all_workspaces: also those of other workspaces that the token's user may see.
        max_bad_records: how many records may be left out because they cannot be read; with more nothing is loaded.
        mark_deleted: set ``deleted_at`` of stored conversations of these days that did not come again.

    Returns:
        ``conversations`` and ``messages`` (that came), of the conversations ``new``, ``changed``, ``unchanged``,
        ``stale`` (newer in the warehouse than as they came), ``deleted`` and ``partial``, ``rejected`` records,
        ``tables``, ``start_date``, ``end_date`` and ``latest_at``, when the youngest conversation changed last, and
        ``unreadable``: how many values could not be read, by column.

    Example:
        >>> DotExportHistoryOperator(task_id="history", warehouse_conn_id="snowflake_default", dataset="dot")
    """

    template_fields: Sequence[str] = (*WarehouseOperator.template_fields, "first_day", "end_day", "lookback_days")

    def __init__(
        self,
        *,
        destination: str | None = None,
        warehouse_conn_id: str | None = None,
        database: str | None = None,
        credentials: Any = None,
        dataset: str = "dot",
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        lookback_days: int = 3,
        include_all_workspaces: bool = False,
        max_bad_records: int = 0,
        mark_deleted: bool = False,
        **kwargs: Any,
    ) -> None:
        for name, day in (("start_date", start_date), ("end_date", end_date)):
            if isinstance(day, datetime):
                kwargs[name] = day
        super().__init__(**kwargs)
        self._load_into(destination, warehouse_conn_id, database, credentials, dataset)
        self.first_day = None if isinstance(start_date, datetime) else start_date
        self.end_day = None if isinstance(end_date, datetime) else end_date
        self.lookback_days = lookback_days
        self.include_all_workspaces = self._flag("include_all_workspaces", include_all_workspaces)
        self.max_bad_records = max_bad_records
        self.mark_deleted = self._flag("mark_deleted", mark_deleted)
        self._loaded: tuple[str, WarehouseDestination, LoadResult] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Download the window, load it, and return the rows that were written."""
        from dot_provider.history import export_history

        with self.dot() as dot:
            window, warehouse = self._window(context), self._warehouse()
            result = export_history(
                dot,
                window,
                destination=warehouse.destination,
                # Once more after the download: temporary passwords expire.
                credentials=lambda: self._warehouse(again=True).credentials,
                options=warehouse.options,
                dataset=self.dataset,
                include_all_workspaces=self.include_all_workspaces,
                max_bad_records=self.max_bad_records,
                mark_deleted=self.mark_deleted,
            )
            self._loaded = (dot.server.origin, warehouse, result)
        counts = ("conversations", "messages", "new", "changed", "unchanged", "stale", "deleted", "partial", "rejected")
        done = {
            **{name: getattr(result, name) for name in counts},
            "tables": list(result.tables),
            "start_date": str(window.start),
            "end_date": str(window.end),
            "latest_at": result.latest_at and result.latest_at.isoformat(),
            "unreadable": dict(result.unreadable),
        }
        self.describe_outlets(context, done)
        return done

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Tell OpenLineage what was read and which tables were written, with the number of rows."""
        from dot_provider.operators.lineage import exported, nothing

        return exported(*self._loaded) if self._loaded is not None else nothing()

    def _window(self, context: Context) -> HistoryWindow:
        from dot_provider.api.arguments import checked_count
        from dot_provider.history import HistoryWindow

        lookback_days = checked_count("lookback_days", self.lookback_days)
        start: datetime | None = context.get("data_interval_start")
        end: datetime | None = context.get("data_interval_end")
        if self.first_day is not None or self.end_day is not None:
            return HistoryWindow.of_dates(self.first_day, self.end_day)
        if start is None or end is None:
            start = end = _partition_day(context)
        elif start == end:
            # Cron schedules of Airflow 3 have no interval: the days since the last success are what is missing.
            start = context.get("prev_data_interval_end_success") or start
        return HistoryWindow.of_interval(
            min(start, end), end, lookback_days=lookback_days, tz=end.tzinfo or timezone.utc
        )


def _partition_day(context: Context) -> datetime:
    """Return the day of the run's partition: Airflow's date of it, or a key that begins with one.

    Raises:
        DotUsageError: the run is of no day; to take the last weeks would be a guess.
    """
    found: Any = context.get("partition_date")
    if isinstance(found, datetime):
        return found
    key = str(context.get("partition_key") or getattr(context.get("dag_run"), "partition_key", None) or "")
    try:
        return datetime.fromisoformat(key[:10]).replace(tzinfo=timezone.utc)
    except ValueError:
        raise DotUsageError(
            f"This run has neither a data interval nor a partition of a day (its key is {key!r}): give start_date, "
            "such as '{{ macros.ds_add(dag_run.run_after | ds, -7) }}'."
        ) from None


class DotExportEvaluationsOperator(WarehouseOperator):
    """Load runs of evaluations into the tables ``evaluation_runs`` and ``evaluation_results``.

    ``GET /evaluation_runs/{run_id}``. A task of its own, so that a load that fails closes no gate. The same run again
    gives the same rows.

    Args:
        run_ids: ids of runs, or a single one, such as the XCom of a gate.
        destination: dlt's name of the warehouse, such as ``snowflake`` or ``duckdb``; taken from ``warehouse_conn_id``
            when left out. Alone, dlt finds the credentials in its own configuration.
        warehouse_conn_id: Airflow connection to the warehouse.
        database: path of the database file, or ``md:<database>``, for ``destination="duckdb"`` without a connection.
        credentials: what dlt takes for ``destination`` instead of a connection, or better a function that returns it: a
            function runs in the worker, so that no secret stands in the DAG.
        dataset: schema that holds the tables, written as dlt writes names: ``DotHistory`` is ``dot_history``.

    Returns:
        ``runs`` and ``results`` (rows written) and ``tables``.

    Example:
        >>> DotExportEvaluationsOperator(
        ...     task_id="keep_verdicts",
        ...     run_ids="{{ ti.xcom_pull('gate', key='evaluation_run')['run_id'] }}",
        ...     warehouse_conn_id="snowflake_default",
        ...     trigger_rule="all_done",  # a closed gate is what one wants to look at later
        ... )
    """

    template_fields: Sequence[str] = (*WarehouseOperator.template_fields, "run_ids")

    def __init__(
        self,
        *,
        run_ids: str | Sequence[str],
        destination: str | None = None,
        warehouse_conn_id: str | None = None,
        database: str | None = None,
        credentials: Any = None,
        dataset: str = "dot",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._load_into(destination, warehouse_conn_id, database, credentials, dataset)
        self.run_ids = run_ids

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the runs, load them, and return how many rows were written."""
        from dot_provider.history.evaluations import export_evaluations

        with self.dot() as dot:
            warehouse = self._warehouse()
            loaded = export_evaluations(
                dot,
                [self.run_ids] if isinstance(self.run_ids, str) else self.run_ids,
                destination=warehouse.destination,
                credentials=lambda: self._warehouse(again=True).credentials,
                options=warehouse.options,
                dataset=self.dataset,
            )
        done = {"runs": loaded.runs, "results": loaded.results, "tables": list(loaded.tables)}
        self.describe_outlets(context, done)
        return done
