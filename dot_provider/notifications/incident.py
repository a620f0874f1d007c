"""An incident in Dot for as long as a task fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseNotifier

from dot_provider.api.errors import DotUsageError
from dot_provider.hooks.dot import DotHook

if TYPE_CHECKING:
    from airflow.sdk import Context

_GOOD_STATES = ("success", "skipped")


class DotIncidentNotifier(BaseNotifier):
    """Open an incident on a table when a task or DAG fails, and resolve it when it succeeds.

    Use the same notifier for both callbacks. ``POST /quality/incidents``; needs an admin's token.

    Args:
        table: the table that the work fills, as Dot knows it.
        check: names the incident on the table; DAG and task when left out. A deadline alert, for which Airflow knows
            no task, needs it.
        message: what a person reads; says which run failed when left out.
        severity: such as ``error`` or ``warn``.
        source: who reports; Dot keeps the incidents of each source apart.
        status: ``open`` or ``resolved``, instead of what the state of the task or DAG says.
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of a Dot environment, instead of the connection's own.

    Example:
        >>> incident = DotIncidentNotifier(table="analytics.orders")
        >>> DAG("orders", default_args={"on_failure_callback": incident, "on_success_callback": incident})
    """

    template_fields: Sequence[str] = ("table", "check", "message", "severity", "source", "dot_conn_id", "environment")

    def __init__(
        self,
        *,
        table: str,
        check: str | None = None,
        message: str | None = None,
        severity: str = "error",
        source: str = "airflow",
        status: Literal["open", "resolved"] | None = None,
        dot_conn_id: str = DotHook.default_conn_name,
        environment: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.check = check
        self.message = message
        self.severity = severity
        self.source = source
        self.status = status
        self.dot_conn_id = dot_conn_id
        self.environment = environment

    def notify(self, context: Context) -> None:
        """Report the incident, from a worker or the DAG processor."""
        with DotHook(self.dot_conn_id, self.environment).get_conn() as dot:
            dot.report_incidents(self.source, [self._item(context)])

    async def async_notify(self, context: Context) -> None:
        """Report the incident, from the triggerer (deadline alerts)."""
        from dot_provider.triggers.shared_client import shared_client

        server = await DotHook(self.dot_conn_id, self.environment).get_async_server()
        async with shared_client(server) as dot:
            await dot.report_incidents(self.source, [self._item(context)])

    def _item(self, context: Mapping[str, Any]) -> dict[str, str]:
        ti, dag_run = context.get("ti"), context.get("dag_run")
        subject = ti or dag_run
        names = [str(getattr(subject, name)) for name in ("dag_id", "task_id") if getattr(subject, name, None)]
        check = self.check or ".".join(names)
        if not check:
            raise DotUsageError("check is needed where Airflow does not say which task it is about.")
        status = self.status or _status(context, subject)
        run = f" in run {dag_run.run_id}" if dag_run is not None else ""
        words = "failed" if status == "open" else "succeeded"
        url = getattr(ti, "log_url", None)
        return {
            "table": self.table,
            "check": check,
            "status": status,
            "severity": self.severity,
            "message": self.message or f"{'.'.join(names) or check} {words}{run}",
            **({"url": url} if isinstance(url, str) else {}),
        }


def _status(context: Mapping[str, Any], subject: Any) -> Literal["open", "resolved"]:
    if context.get("exception") is not None:
        return "open"
    state = getattr(subject, "state", None)
    return "resolved" if str(getattr(state, "value", state)) in _GOOD_STATES else "open"
