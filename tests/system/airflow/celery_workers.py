"""Two workers of Airflow's CeleryExecutor, each with one slot; PostgreSQL is their broker and keeps their results.

A broker of its own, such as Redis, would make no difference to what a task of ours meets: it starts on one worker, and
goes on, or starts again, on another.
"""

from __future__ import annotations

NAMES = ("worker-1", "worker-2")
"""What the workers are called, which is also the host name that their tasks show."""

COMMAND = "celery worker --without-mingle --without-gossip --skip-serve-logs"


def options(database: str) -> dict[str, str]:
    """Return the settings that every component needs, by section and key."""
    url = sqlalchemy_url(database)
    return {
        "CELERY__BROKER_URL": f"sqla+{url}",
        "CELERY__RESULT_BACKEND": f"db+{url}",
        "CELERY__SYNC_PARALLELISM": "1",
        "CELERY__WORKER_CONCURRENCY": "1",
        # Remote control broadcasts, which a database as broker cannot.
        "CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
    }


def identity(name: str) -> dict[str, str]:
    """Return the environment that gives a worker its name, instead of that of the machine which both run on."""
    return {"AIRFLOW__CORE__HOSTNAME_CALLABLE": "getpass.getuser", "LOGNAME": name}


def make_tables(database: str) -> None:
    """Make the broker's queue and all tables, which components that start at once would make at once, and fail."""
    from celery import Celery
    from kombu import Connection
    from sqlalchemy.pool import NullPool

    url = sqlalchemy_url(database)
    # PostgreSQL ends before this process does, so no connection may be kept.
    with Connection(f"sqla+{url}", transport_options={"poolclass": NullPool}) as broker:
        broker.SimpleQueue("default").close()
        broker.default_channel.session.close()
    Celery(backend=f"db+{url}").backend.ResultSession().close()


def sqlalchemy_url(database: str) -> str:
    """Return a libpq URI as SQLAlchemy's, with the driver that is installed."""
    return database.replace("postgresql://", "postgresql+psycopg2://")
