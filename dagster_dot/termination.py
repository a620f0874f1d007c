"""What a step says when its run is terminated: that ends the wait, and nothing of what Dot has begun."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg


@contextmanager
def saying_what_goes_on(log: logging.Logger, at_dot: str) -> Iterator[None]:
    """Log ``at_dot``, a sentence, where the run is terminated while the block waits for Dot; the step ends at once."""
    try:
        yield
    except dg.DagsterExecutionInterruptedError:
        log.warning(f"The run was terminated. {at_dot}")
        raise
