"""Dot's errors as Dagster's, and what a terminated step says."""

from __future__ import annotations

import logging

import dagster as dg
import pytest

from dagster_dot.asset_factory import RETRIES_AT_DOTS_WORD, as_failure, dot_failures, warn_on_termination
from dot_provider.api import (
    DotAnswerFailedError,
    DotAuthError,
    DotError,
    DotNeedsConfirmationError,
    DotPartialError,
    DotRateLimitedError,
    DotServerError,
    DotUnreachableError,
    DotUsageError,
    DotValidationError,
    PushedAsset,
)

RETRYABLE = [
    DotServerError("502", status=502),
    DotUnreachableError("gone", sent=True),
    DotAnswerFailedError("failed"),
    DotNeedsConfirmationError("more credits?"),
]
FINAL = [
    DotAuthError("401", status=401),
    DotUsageError("wrong"),
    DotPartialError("some failed", report=[]),
]


@pytest.mark.parametrize("error", RETRYABLE + FINAL, ids=lambda error: type(error).__name__)
def test_dagster_may_retry_what_can_succeed_later_and_nothing_else(error: DotError) -> None:
    with pytest.raises(dg.Failure) as raised, dot_failures():
        raise error
    assert raised.value.allow_retries is (error in RETRYABLE)
    assert raised.value.description == str(error)


def test_dagster_comes_back_when_dot_said_so() -> None:
    with pytest.raises(dg.RetryRequested) as raised, dot_failures():
        raise DotRateLimitedError("429", retry_after=17)
    assert raised.value.seconds_to_wait == 17
    assert raised.value.max_retries == RETRIES_AT_DOTS_WORD


def test_the_retry_policy_limits_how_often() -> None:
    with pytest.raises(dg.RetryRequested) as raised, dot_failures(dg.RetryPolicy(max_retries=1)):
        raise DotRateLimitedError("429", retry_after=17)
    assert raised.value.max_retries == 1


def test_other_exceptions_pass_untouched() -> None:
    with pytest.raises(ZeroDivisionError), dot_failures():
        raise ZeroDivisionError


def test_the_chat_is_linked() -> None:
    failure = as_failure(DotAnswerFailedError("failed", chat_url="https://dot.example.com/?c=1"))
    assert failure.metadata["chat"] == dg.MetadataValue.url("https://dot.example.com/?c=1")


def test_refused_fields_are_listed() -> None:
    payload = [{"loc": ["body", "items", 0, "table"], "msg": "missing"}]
    failure = as_failure(DotValidationError("422", status=422, payload=payload))
    assert failure.metadata["fields"].value == "body.items.0.table"
    assert failure.metadata["status"].value == 422


def test_each_failed_item_is_listed() -> None:
    report = [PushedAsset("a", "sent"), PushedAsset("b", "failed", "too long")]
    failure = as_failure(DotPartialError("1 of 2 failed", report=report))
    assert failure.metadata["failed"].value == ["b: too long"]


LOG = logging.getLogger("step")


def test_a_termination_is_told_and_goes_on_its_way(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(dg.DagsterExecutionInterruptedError), warn_on_termination(LOG, "Dot goes on."):
        raise dg.DagsterExecutionInterruptedError
    assert caplog.messages == ["The run was terminated. Dot goes on."]


def test_nothing_is_said_of_any_other_end(caplog: pytest.LogCaptureFixture) -> None:
    with warn_on_termination(LOG, "Dot goes on."):
        pass
    with pytest.raises(dg.Failure), warn_on_termination(LOG, "Dot goes on."):
        raise dg.Failure
    assert caplog.messages == []
