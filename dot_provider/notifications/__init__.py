"""Airflow notifiers: tasks that fail become incidents in Dot."""

from __future__ import annotations

from dot_provider.notifications.incident import DotIncidentNotifier

__all__ = ["DotIncidentNotifier"]
