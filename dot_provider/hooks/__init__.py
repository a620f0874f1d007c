"""The Airflow hook: an Airflow connection as a client of Dot."""

from __future__ import annotations

from dot_provider.hooks.dot import DotHook

__all__ = ["DotHook"]
