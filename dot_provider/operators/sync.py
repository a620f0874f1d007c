"""Syncing Dot's connections after the tables behind them have changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.operators.dot_operator import DotOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class DotSyncConnectionOperator(DotOperator):
    """Sync a connection, so that Dot answers from today's tables, models and descriptions.

    ``POST /sync/{connection_type}/{connection_id}``. A second sync does no harm, so a lost response is retried. Use
    ``.partial(connection_type="dbt").expand(connection_id=[...])`` for several.

    Args:
        connection_type: such as ``snowflake``, ``bigquery`` or ``dbt``.
        connection_id: the connection's id, as Dot's settings show it.

    Returns:
        ``{"connection_type": ..., "connection_id": ...}``

    Example:
        >>> DotSyncConnectionOperator(task_id="sync", connection_type="dbt", connection_id="shop")
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "connection_type", "connection_id")

    def __init__(self, *, connection_type: str, connection_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection_type = connection_type
        self.connection_id = connection_id
        self._origin: str | None = None

    def execute(self, context: Context) -> dict[str, str]:
        """Sync, and return what was synced."""
        with self.dot() as dot:
            dot.sync(self.connection_type, self.connection_id)
            self._origin = dot.server.origin
        synced = {"connection_type": self.connection_type, "connection_id": self.connection_id}
        self.describe_outlets(context, synced)
        return synced

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Tell OpenLineage which connection of Dot is up to date."""
        from dot_provider.operators.lineage import nothing, synced

        if self._origin is None:
            return nothing()
        return synced(self._origin, self.connection_type, self.connection_id)
