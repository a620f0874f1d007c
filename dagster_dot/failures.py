"""Dot's errors as Dagster's, and what a step says when its run is terminated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from dot_provider.api.errors import (
    DotError,
    DotEvaluationFailedError,
    DotPartialError,
    DotRefusedError,
    DotTransientError,
    DotValidationError,
)

RETRIES_AT_DOTS_WORD = 3
"""How often a step without a retry policy is repeated where Dot named a time to come back at."""


@contextmanager
def dot_failures(retry_policy: dg.RetryPolicy | None = None) -> Iterator[None]:
    """Turn a ``DotError`` of the block into what Dagster understands.

    Args:
        retry_policy: the policy of the step, which limits how often Dot's ``Retry-After`` is followed.

    Raises:
        dg.RetryRequested: Dot said when to come back.
        dg.Failure: anything else; ``allow_retries`` tells whether the same work can succeed later.
    """
    try:
        yield
    except DotError as error:
        failure = as_failure(error)
        if isinstance(error, DotTransientError) and error.retry_after is not None:
            retries = retry_policy.max_retries if retry_policy else RETRIES_AT_DOTS_WORD
            raise dg.RetryRequested(max_retries=retries, seconds_to_wait=error.retry_after) from failure
        raise failure from error


def as_failure(error: DotError) -> dg.Failure:
    """Return the failure that shows ``error`` on a run's page: what to change, with the facts as metadata."""
    return dg.Failure(description=str(error), metadata=_metadata(error), allow_retries=error.retryable)


def _metadata(error: DotError) -> dict[str, Any]:
    facts: dict[str, Any] = {"dot_error": type(error).__name__}
    if error.chat_url:
        facts["chat"] = dg.MetadataValue.url(error.chat_url)
    if isinstance(error, DotRefusedError):
        facts["status"] = error.status
    if isinstance(error, DotValidationError) and error.fields:
        facts["fields"] = ", ".join(error.fields)
    if isinstance(error, DotTransientError) and error.retry_after is not None:
        facts["retry_after_seconds"] = error.retry_after
    if isinstance(error, DotPartialError):
        failed = [item for item in error.report if getattr(item, "outcome", "") == "failed"]
        facts["failed"] = dg.MetadataValue.json([f"{item.label}: {item.reason}" for item in failed])
    if isinstance(error, DotEvaluationFailedError):
        facts["evaluation_run"] = error.run.id
    return facts


@contextmanager
def saying_what_goes_on(log: logging.Logger, at_dot: str) -> Iterator[None]:
    """Log ``at_dot``, a sentence, where the run is terminated while the block waits for Dot; the step ends at once."""
    try:
        yield
    except dg.DagsterExecutionInterruptedError:
        log.warning(f"The run was terminated. {at_dot}")
        raise
