"""PostgreSQL as Celery's broker and store of results.

A broker of its own, such as Redis, would make no difference to what a task or step of ours meets: it starts on one
worker, and goes on, or starts again, on another.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.postgres import sqlalchemy_url


class CeleryUrls(NamedTuple):
    """Where Celery finds its broker and its store of results."""

    broker: str
    backend: str


def celery_urls(database: str) -> CeleryUrls:
    """Return Celery's addresses of a database, given as a libpq URI."""
    url = sqlalchemy_url(database)
    return CeleryUrls(f"sqla+{url}", f"db+{url}")


def make_tables(database: str, queue: str) -> None:
    """Make the queue and all tables, which processes that start at once would make at once, and fail."""
    from celery import Celery
    from kombu import Connection
    from sqlalchemy.pool import NullPool

    urls = celery_urls(database)
    # PostgreSQL ends before this process does, so no connection may be kept.
    with Connection(urls.broker, transport_options={"poolclass": NullPool}) as broker:
        broker.SimpleQueue(queue).close()
        broker.default_channel.session.close()
    Celery(backend=urls.backend).backend.ResultSession().close()
