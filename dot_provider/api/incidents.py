"""Data-quality incidents from other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api.arguments import api_path, checked_text
from dot_provider.api.errors import DotUsageError, brief
from dot_provider.api.records import Reply

_FIELDS = ("table", "check", "status", "severity", "message", "url")


def report_incidents(source: str, items: Iterable[Mapping[str, Any]]) -> Call[Reply]:
    """Open or resolve incidents on tables. ``POST /quality/incidents``; needs an admin's token.

    Args:
        source: who reports, such as ``airflow``; Dot keeps the incidents of each source apart.
        items: each with ``table``, ``check`` and ``status`` (``open`` or ``resolved``), and if known ``severity``,
            ``message`` and ``url``. Items of one table and check are one incident, in their order.

    Raises:
        DotUsageError: there is no item, or one is malformed; the message names item and field.
    """
    checked = [_checked_item(position, item) for position, item in enumerate(items)]
    if not checked:
        raise DotUsageError("items is empty: there is no incident to report.")
    some = f"{len(checked)} incident{'s' * (len(checked) > 1)}"
    return Call(
        f"report {some}",
        "POST",
        api_path("quality", "incidents"),
        Reply,
        body={"source": checked_text("source", source), "items": checked},
        event=f"Reported {some} to Dot",
    )


def _checked_item(position: int, item: Any) -> dict[str, Any]:
    label = f"Incident {position + 1}"
    if not isinstance(item, Mapping):
        raise DotUsageError(f"{label} must be a mapping with table, check and status, not {type(item).__name__}.")
    for name in ("table", "check"):
        checked_text(f"{label}: {name}", item.get(name))
    status = item.get("status", "open")
    if status not in ("open", "resolved"):
        raise DotUsageError(f"{label}: status must be 'open' or 'resolved', not {brief(status)}.")
    unknown = sorted(str(name) for name in item if name not in _FIELDS)
    if unknown:
        raise DotUsageError(f"{label}: unknown field {unknown[0]!r}; an incident has {', '.join(_FIELDS)}.")
    return {**{name: value for name, value in item.items() if value is not None}, "status": status}
