"""What all operators of Dot take and do: the connection, the environment, errors, asset events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator

from dot_provider.api.errors import DotUsageError
from dot_provider.hooks.dot import DotHook
from dot_provider.hooks.errors import failing_the_task
from dot_provider.operators.retry_state import RetryAfterPolicy

if TYPE_CHECKING:
    from airflow.sdk import Context

    from dot_provider.api.arguments import Seconds
    from dot_provider.api.client import DotClient


GRACE = timedelta(minutes=5)
"""How much later than a trigger's own deadline Airflow ends a deferral, should the trigger not have."""

TEXT_FIELDS = (
    {"dot_conn_id", "environment", "question", "mode", "chat_id", "connection_type", "connection_id", "source"}
    | {"destination", "warehouse_conn_id", "database", "dataset", "evaluation_id", "run_id", "title", "markdown"}
    | {"html", "subtype", "folder", "follow_ups", "labels", "sql_conn_id", "suite_file", "baseline_run_id"}
    | {"target_environment", "expected_target_commit", "check", "environment_id", "name", "prefix", "source_env_id"}
    | {"color", "block", "dbt_doc"}
)
"""Template fields that are texts, or lists of texts, also where a DAG renders its templates as native objects."""

LIST_FIELDS = ("assets", "items", "users", "follow_ups", "labels")
"""Fields that are lists."""


class RendersTexts:
    """Leaves texts texts: with ``render_template_as_native_obj``, a question "2026" would become a number."""

    def render_template(
        self, content: Any, context: Context, jinja_env: Any = None, seen_oids: set[int] | None = None
    ) -> Any:
        """Render a template, to a text where it stands in one of ``TEXT_FIELDS``; only a template may come to None."""
        rendered = super().render_template(content, context, jinja_env, seen_oids)  # type: ignore[misc]
        native = type(jinja_env).__name__ == "NativeEnvironment"
        if not native or not isinstance(content, str) or not self._is_text(content):
            return rendered
        if rendered is None and "{" in content:
            return None
        dag: Any = getattr(self, "dag", None)
        return dag.get_template_env(force_sandboxed=True).from_string(content).render(context)

    def _is_text(self, content: str) -> bool:
        for name in TEXT_FIELDS:
            value = getattr(self, name, None)
            if value is content:
                return name not in LIST_FIELDS
            if isinstance(value, list | tuple) and any(item is content for item in value):
                return True
        return False


class DotOperator(RendersTexts, BaseOperator):
    """A task that talks to Dot.

    Args:
        dot_conn_id: Airflow connection of type ``dot``.
        environment: id of the Dot environment to work in, instead of the connection's own.
    """

    template_fields: Sequence[str] = ("dot_conn_id", "environment")
    ui_color = "#e8e4fb"

    def __init__(
        self, *, dot_conn_id: str = DotHook.default_conn_name, environment: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if getattr(self, "retry_policy", None) is None:
            self.retry_policy = RetryAfterPolicy()  # type: ignore[assignment] # older Airflows have no base class for it
        self.dot_conn_id = dot_conn_id
        self.environment = environment

    def _seconds(self, name: str, value: Seconds) -> float:
        """Return a time to wait in seconds; what is none is refused when the DAG is parsed, with the task's name."""
        from dot_provider.api.arguments import checked_seconds

        return checked_seconds(f"Task {self.task_id}: {name}", value)

    def _flag(self, name: str, value: object) -> bool:
        """Return a switch; what is neither true nor false is refused when the DAG is parsed, with the task's name."""
        from dot_provider.api.arguments import checked_flag

        return checked_flag(f"Task {self.task_id}: {name}", value)

    @cached_property
    def hook(self) -> DotHook:
        """The hook for the task's connection."""
        return DotHook(self.dot_conn_id, self.environment)

    @contextmanager
    def dot(self) -> Iterator[DotClient]:
        """Yield the client; a ``DotError`` inside the block ends the task, for good where a retry cannot help."""
        with failing_the_task():
            self._check_rendered()
            with self.hook.get_conn() as client:
                yield client

    def _check_rendered(self) -> None:
        """Refuse what templates make of values that are not there, or of lists."""
        for name in self.template_fields:
            if name in TEXT_FIELDS and getattr(self, name, None) == "None":
                raise DotUsageError(f"{name} is 'None': its template came to nothing, and so nothing was sent.")
        for name in LIST_FIELDS:
            if isinstance(value := getattr(self, name, None), str):
                raise DotUsageError(
                    f"{name} must be a list, not text ({value[:40]!r}). Templates make texts: hand on what another "
                    "task has returned by its .output, or set render_template_as_native_obj=True on the DAG."
                )

    def describe_outlets(self, context: Context, facts: Mapping[str, Any]) -> None:
        """Put ``facts`` into the event of each asset that this task updates; DAGs it starts can read them there."""
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(facts)


def deferral_timeout(deadline: float) -> timedelta:
    """Return how long Airflow lets a deferral last whose trigger ends at ``deadline``, in seconds since the epoch."""
    return timedelta(seconds=deadline - time.time()) + GRACE
