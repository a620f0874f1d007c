"""Dagster's storages, as its users have them: nobody's event log is in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg

from tests.postgres import running_postgres, sqlalchemy_url

STORAGES = ("ephemeral", "sqlite", "postgres")
"""Of tests only; what each ``DAGSTER_HOME`` has by default, a file per run; what deployments have."""

_POSTGRES = """
storage:
  postgres:
    postgres_url: "{url}"
telemetry:
  enabled: false
"""


@contextmanager
def instance_on(storage: str, folder: Path) -> Iterator[dg.DagsterInstance]:
    """Yield an instance on one of ``STORAGES``, whose files are in ``folder``."""
    with ExitStack() as stack:
        if storage == "ephemeral":
            yield stack.enter_context(dg.DagsterInstance.ephemeral())
        elif storage == "sqlite":
            yield stack.enter_context(dg.DagsterInstance.local_temp(str(folder)))
        else:
            _, server = stack.enter_context(running_postgres("dagster-"))
            (folder / "dagster.yaml").write_text(_POSTGRES.format(url=sqlalchemy_url(server.get_uri())))
            yield stack.enter_context(dg.DagsterInstance.from_config(str(folder)))
