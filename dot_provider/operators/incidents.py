"""Telling Dot about data-quality incidents that other tools have found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dot_provider.api.errors import DotUsageError
from dot_provider.operators.dot_operator import DotOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class DotReportIncidentsOperator(DotOperator):
    """Open or resolve incidents on tables, so that Dot warns whoever asks about them.

    ``POST /quality/incidents``; needs an admin's token. The same item twice is one incident.

    Args:
        source: who reports; Dot keeps the incidents of each source apart.
        items: each a mapping with ``table``, ``check``, ``status`` (``open`` or ``resolved``; ``open`` when left out)
            and if known ``severity``, ``message`` and ``url``: a list, or the XCom of a task that returns one. An empty
            list is fine and sends nothing.

    Returns:
        ``{"open": ..., "resolved": ...}``, the number of items of each status.

    Example:
        >>> DotReportIncidentsOperator(
        ...     task_id="report", source="soda", items=[{"table": "orders", "check": "row count", "status": "open"}]
        ... )
    """

    template_fields: Sequence[str] = (*DotOperator.template_fields, "source", "items")
    template_fields_renderers = {"items": "json"}

    def __init__(self, *, items: Iterable[Mapping[str, Any]], source: str = "airflow", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.items = items

    def execute(self, context: Context) -> dict[str, int]:
        """Send the items and return how many are open and resolved."""
        with self.dot() as dot:
            if isinstance(self.items, str | bytes | Mapping) or not isinstance(self.items, Iterable):
                raise DotUsageError(f"items must be a list of incidents, not {type(self.items).__name__}.")
            items = list(self.items)
            if items:
                dot.report_incidents(self.source, items)
        resolved = sum(item.get("status") == "resolved" for item in items)
        counts = {"open": len(items) - resolved, "resolved": resolved}
        self.log.info("Reported incidents of %s: %d open, %d resolved", self.source, counts["open"], resolved)
        return counts
