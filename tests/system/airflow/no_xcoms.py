"""An auth manager whose users may see DAGs, runs and tasks, and read no XCom."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class NoXComs(SimpleAuthManager):
    """Airflow's simple one, without the right to XComs."""

    def is_authorized_dag(self, *, access_entity: DagAccessEntity | None = None, **more: Any) -> bool:
        return access_entity != DagAccessEntity.XCOM and super().is_authorized_dag(access_entity=access_entity, **more)
