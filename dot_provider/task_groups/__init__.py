"""Several steps with Dot in one line of a DAG."""

from __future__ import annotations

from dot_provider.task_groups.after_dbt import dot_after_dbt

__all__ = ["dot_after_dbt"]
