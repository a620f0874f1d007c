"""What an error of Dot means to an Airflow task; the only place that translates."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill

from dot_provider._airflow import AirflowException, AirflowFailException
from dot_provider.api.errors import DotError

_log = logging.getLogger(__name__)

_WIDTH = 100
"""Characters that fit beside Airflow's grid in the log view, which does not wrap lines."""

_LINK = re.compile(r"(https?://\S+)")


def task_failure(error: DotError) -> AirflowException:
    """Return the failure for ``error``: with retries where the same work can succeed later, else without.

    Both are ``AirflowException``, because sensors honour ``soft_fail`` and ``never_fail`` for nothing else.
    """
    kind = AirflowException if error.retryable else AirflowFailException
    failure: AirflowException = kind(str(error))
    return failure


@contextmanager
def failing_the_task() -> Iterator[None]:
    """Let a ``DotError`` inside the block end the task; its sentence is all that the log shows of it.

    The sentence is logged by itself too, because in the traceback it runs off the right edge of Airflow's log view.
    """
    try:
        yield
    except DotError as error:
        _log.error("%s", _in_lines(str(error)))
        raise task_failure(error) from None


def _in_lines(sentence: str) -> str:
    """Return a sentence in lines that fit, links in lines of their own.

    Airflow's log view takes punctuation after a link for a part of it, so that is left out.
    """
    parts = [part.rstrip(".,;:)") if _LINK.match(part) else part.strip() for part in _LINK.split(sentence)]
    return "\n".join(fill(part, _WIDTH, break_long_words=False) for part in parts if part)
