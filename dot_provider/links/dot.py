"""The button "Open in Dot" on a task instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class DotLink(BaseOperatorLink):
    """Opens the chat, or the workspace, that a task worked on.

    Airflow asks the task's own process for the link when the task stops running, deferred and failed ones included.
    """

    name = "Open in Dot"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the page that the task left, or nothing where it left none."""
        return getattr(operator, "dot_page", "")


def link_to(task: Any, context: Any, url: str) -> None:
    """Let the link of the running ``task`` open ``url``, from now on and after its end; nothing that is no web page."""
    if not url.startswith(("https://", "http://")):
        return
    context["ti"].xcom_push(key=DotLink().xcom_key, value=url)
    task.dot_page = url
