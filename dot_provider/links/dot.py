"""The button "Open in Dot" on a task instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

URL_KEY = "dot_url"
"""XCom key under which a task leaves the page to open."""


class DotLink(BaseOperatorLink):
    """Opens the chat, or the workspace, that a task worked on.

    Airflow asks for the link whenever a task stops running, deferred and failed ones included, so tasks push the page
    as soon as they know it.
    """

    name = "Open in Dot"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Return the page that the task left, or nothing where it left none."""
        return XCom.get_value(key=URL_KEY, ti_key=ti_key) or ""


def link_to(context: Any, url: str) -> None:
    """Leave ``url`` as the page that the running task's link opens."""
    context["ti"].xcom_push(key=URL_KEY, value=url)
