"""An incident in Dot for as long as a task fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk.bases.notifier import BaseNotifier  # airflow.sdk names it wrongly in 3.0.0

from dot_provider.api.errors import DotUsageError
from dot_provider.hooks.dot import DotHook

if TYPE_CHECKING:
    from airflow.sdk import Context

_GOOD_STATES = ("success", "skipped")


class DotIncidentNotifier(BaseNotifier):
    """Open an incident on a table when a task or DAG fails, and resolve it when it succeeds.

    Use the same notifier for both callbacks, of tasks, of a DAG, or of both, and for the alert of a missed deadline,
    which stays open until somebody resolves it. ``POST /quality/incidents``; needs an admin's token.

    Args:
        table: the table that the work fills, as Dot knows it. Where left out, the first outlet of the task names it, or
            the operator's own ``table``.
        items: makes an incident per check of what the operator's ``check_results`` hold, and is handed ``table`` too:
            ``dot_provider.dbt.items_from_sql_checks``; its name begins with the task's. A task that fails otherwise has
            an incident of its own.
        check: names the incident on the table. When left out: ``<dag>.<task>``, and ``[<map index>]`` of a mapped one;
            ``<dag>`` in a DAG's own callbacks; ``<dag>.deadline`` in an alert. Of mapped tasks that share one check,
            the last to succeed resolves it: put ``{{ ti.map_index }}`` into it.
        message: what a person reads; says which run failed when left out.
        severity: such as ``error`` or ``warn``.
        source: who reports; Dot keeps the incidents of each source apart.
        status: ``open`` or ``resolved``, instead of what the state of the task or DAG says.
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of a Dot environment, instead of the connection's own.

    Example:
        >>> incident = DotIncidentNotifier(table="analytics.orders")
        >>> DAG("orders", on_failure_callback=incident, on_success_callback=incident)
    """

    template_fields: Sequence[str] = ("table", "check", "message", "severity", "source", "dot_conn_id", "environment")

    def __init__(
        self,
        *,
        table: str | None = None,
        items: Callable[..., list[dict[str, str]]] | None = None,
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
        self.items = items
        self.check = check
        self.message = message
        self.severity = severity
        self.source = source
        self.status = status
        self.dot_conn_id = dot_conn_id
        self.environment = environment

    def __call__(self, *args: Any) -> None:
        """Render a copy: templates are replaced, and one notifier is called for several tasks and runs."""
        super(DotIncidentNotifier, copy(self)).__call__(*args)

    def notify(self, context: Context) -> None:
        """Report the incident, from a worker or the DAG processor."""
        if items := self._items(context):
            with DotHook(self.dot_conn_id, self.environment).get_conn() as dot:
                dot.report_incidents(self.source, items)

    async def async_notify(self, context: Context) -> None:
        """Report the incident, from the triggerer (deadline alerts)."""
        from dot_provider.triggers.shared_client import connected_client

        if items := self._items(context):
            async with connected_client(self.dot_conn_id, self.environment) as dot:
                await dot.report_incidents(self.source, items)

    def _items(self, context: Mapping[str, Any]) -> list[dict[str, str]]:
        """Return an incident per check whose results the task kept, and its own where they do not say all."""
        task = context.get("task")
        outlets = [outlet.name for outlet in getattr(task, "outlets", None) or () if getattr(outlet, "name", "")]
        table = self.table or next(map(str, outlets), None) or getattr(task, "table", None)
        results = getattr(task, "check_results", None) if self.items is not None else None
        found = self.items(results, table=table) if self.items is not None and results else []
        # The same check may stand in another DAG, with other bounds.
        name = self.check or _subject(context)[0]
        found = [{**item, "check": f"{name}: {item['check']}"} for item in found]
        own = self._item(context, table or next((item["table"] for item in found), None))
        # A success ends the task's own incident too, which it has where it failed before anything was checked.
        says_all = any(item["status"] == "open" for item in found) and own is not None and own["status"] == "open"
        return found if says_all or own is None else [*found, own]

    def _item(self, context: Mapping[str, Any], table: str | None) -> dict[str, str] | None:
        """Return the incident of the task or DAG, None where nothing has ended yet."""
        subject, good, url = _subject(context)
        if not (self.check or subject):
            raise DotUsageError("check is needed where Airflow does not say which task or DAG it is about.")
        if not table:
            raise DotUsageError("table is needed where neither an outlet of the task nor its checks name one.")
        if good is None and self.status is None:
            self.log.info("%s has not ended: nothing is reported to Dot.", subject or self.check)
            return None
        status = self.status or ("resolved" if good else "open")
        run = _run_id(context)
        words = "missed its deadline" if "deadline" in context else "failed" if status == "open" else "succeeded"
        return {
            "table": table,
            "check": self.check or subject,
            "status": status,
            "severity": self.severity,
            "message": self.message
            or f"{subject.removesuffix('.deadline') or self.check} {words}{run and f' in run {run}'}",
            **({"url": url} if url else {}),
        }


def _subject(context: Mapping[str, Any]) -> tuple[str, bool | None, str]:
    """Return what a callback is about, whether it went well (None: it has not ended), and its page.

    Names are unique: an id may hold dots, and neither spaces nor slashes.
    """
    ti, run = context.get("ti"), context.get("dag_run")
    dag_id = next((found for holder in (ti, run, context.get("dag")) if (found := _field(holder, "dag_id"))), "")
    dag = f"DAG {dag_id}" if "." in dag_id else dag_id
    url = str(_field(ti, "log_url"))
    if "deadline" in context:
        return f"{dag}.deadline", False, ""
    if "reason" in context or ti is None:  # a DAG's own callback, in which ti is any of its tasks
        state = _state(run) or context.get("reason")
        return dag, state == "success", url.partition("/tasks/")[0]
    task, index = str(_field(ti, "task_id")), _field(ti, "map_index")
    separator = "/" if "." in dag_id or task == "deadline" else "."
    name = f"{dag_id}{separator}{task}" + (f"[{index}]" if isinstance(index, int) and index >= 0 else "")
    state = _state(ti)
    good = state in _GOOD_STATES and context.get("exception") is None
    # In a DAG processor a task that was lost has no state at all.
    return name, None if state == "running" and context.get("exception") is None else good, url


def _run_id(context: Mapping[str, Any]) -> str:
    run = context.get("dag_run")
    return str(_field(run, "run_id") or _field(run, "dag_run_id") or context.get("run_id") or "")


def _state(holder: Any) -> str:
    state = _field(holder, "state")
    return str(getattr(state, "value", state))


def _field(holder: Any, name: str) -> Any:
    """Return a field of an object, or of a mapping, as Airflow gives a deadline's run; an empty text without it."""
    found = holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
    return "" if found is None else found
