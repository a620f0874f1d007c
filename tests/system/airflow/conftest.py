"""One Airflow for all tests of a file, and for each test a Dot of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from dot_provider.sandbox import Sandbox
from tests.system.airflow.cluster import Cluster, running_cluster
from tests.system.airflow.rest import Rest

TOKEN = "planted-token-of-the-system-tests"


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A healthy Airflow with two task slots, on the LocalExecutor unless a parameter names another."""
    executor = getattr(request, "param", "LocalExecutor")
    if executor == "CeleryExecutor":
        pytest.importorskip("airflow.providers.celery.executors.celery_executor", exc_type=ImportError)
    with running_cluster(Path(__file__).parent / "dags", executor) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def rest(cluster: Cluster) -> Rest:
    """The API of the Airflow."""
    return Rest(cluster.url)


@pytest.fixture
def connected(rest: Rest, request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[Sandbox, str]]]:
    """A function that starts a sandbox with the given switches; returns it and the id of its Airflow connection.

    Its questions stay unanswered until ``answer_now``, unless the switches say otherwise.
    """
    with ExitStack() as running:

        def start(connection_id: str | None = None, **switches: Any) -> tuple[Sandbox, str]:
            defaults: dict[str, Any] = {"token": TOKEN, "hold_requests": False, "answer_polls": 1_000_000}
            dot = running.enter_context(Sandbox(**{**defaults, **switches}))
            # Not its port: the system gives that of a sandbox that has ended to another one of the same Airflow.
            connection_id = connection_id or f"dot_{uuid4().hex}"
            rest.connect(connection_id, dot.base_url, dot.token)
            return dot, connection_id

        yield start
