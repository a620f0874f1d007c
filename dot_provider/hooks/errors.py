"""What an error of Dot means to an Airflow task; the only place that translates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from dot_provider.api.errors import DotError


def task_failure(error: DotError) -> AirflowException:
    """Return the failure for ``error``: with retries where the same work can succeed later, else without.

    Both are ``AirflowException``, because sensors honour ``soft_fail`` and ``never_fail`` for nothing else.
    """
    kind = AirflowException if error.retryable else AirflowFailException
    failure: AirflowException = kind(str(error))
    return failure


@contextmanager
def failing_the_task() -> Iterator[None]:
    """Let a ``DotError`` inside the block end the task; its sentence is all that the log shows of it."""
    try:
        yield
    except DotError as error:
        raise task_failure(error) from None
