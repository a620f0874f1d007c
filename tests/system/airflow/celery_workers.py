"""Two workers of Airflow's CeleryExecutor, each with one slot; PostgreSQL is their broker and keeps their results."""

from __future__ import annotations

from tests.system.celery_broker import celery_urls

NAMES = ("worker-1", "worker-2")
"""What the workers are called, which is also the host name that their tasks show."""

COMMAND = "celery worker --without-mingle --without-gossip --skip-serve-logs"


def options(database: str) -> dict[str, str]:
    """Return the settings that every component needs, by section and key."""
    urls = celery_urls(database)
    return {
        "CELERY__BROKER_URL": urls.broker,
        "CELERY__RESULT_BACKEND": urls.backend,
        "CELERY__SYNC_PARALLELISM": "1",
        "CELERY__WORKER_CONCURRENCY": "1",
        # Remote control broadcasts, which a database as broker cannot.
        "CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
    }


def identity(name: str) -> dict[str, str]:
    """Return the environment that gives a worker its name, instead of that of the machine which both run on."""
    return {"AIRFLOW__CORE__HOSTNAME_CALLABLE": "getpass.getuser", "LOGNAME": name}
