"""Links from Airflow's pages to Dot."""

from __future__ import annotations

from dot_provider.links.dot import DotLink

__all__ = ["DotLink"]
