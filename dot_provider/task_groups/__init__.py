"""Several steps with Dot in one line of a DAG."""

from __future__ import annotations

from dot_provider.task_groups.after_dbt import dot_after_dbt
from dot_provider.task_groups.pull_request import dot_pull_request

__all__ = ["dot_after_dbt", "dot_pull_request"]
