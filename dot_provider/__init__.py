"""Dot (getdot.ai) for Apache Airflow: hooks, operators, sensors and triggers on one Dot client."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow's providers manager registers; imported lazily because every component calls it."""
    from dot_provider.provider_info import provider_info

    return provider_info()
