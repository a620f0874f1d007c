"""Both reports of a batch end it in the same way where some items failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dot_provider.api.errors import DotError, DotPartialError, DotServerError, DotUsageError
from dot_provider.api.models.push_report import PushedAsset, PushReport
from dot_provider.api.models.user_changes import UserChange, UserReport

Report = Callable[..., "PushReport | UserReport"]

FOREVER = DotUsageError("no subtype")
FOR_NOW = DotServerError("away", status=503)


def _assets(*results: DotError | None) -> PushReport:
    return PushReport([PushedAsset.of(f"a{n}", "sent", result) for n, result in enumerate(results)])


def _users(*results: DotError | None) -> UserReport:
    changes = [UserChange(f"a{n}@shop.example", "set role", "admin") for n in range(len(results))]
    done = [change.failed(r) if r else change.done() for change, r in zip(changes, results, strict=True)]
    return UserReport(done, dry_run=False)


both = pytest.mark.parametrize("report", [_assets, _users])


@both
def test_a_complete_report_passes(report: Report) -> None:
    done: Any = report(None, None)
    assert done.require_complete() is done


@both
@pytest.mark.parametrize(("failures", "retryable"), [([FOREVER], False), ([FOR_NOW], True), ([FOREVER, FOR_NOW], True)])
def test_a_partial_report_is_retryable_where_a_failure_can_pass(
    report: Report, failures: list[DotError], retryable: bool
) -> None:
    partial = report(None, *failures)
    with pytest.raises(DotPartialError) as caught:
        partial.require_complete()
    assert caught.value.retryable is retryable
    assert caught.value.report == partial.items


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (_assets, "2 of 3 external assets failed, the rest was sent. a1: no subtype; a2: away"),
        (
            _users,
            "2 of 3 changes of users failed, the others were made. set role a1@shop.example: no subtype; "
            "set role a2@shop.example: away",
        ),
    ],
)
def test_the_message_counts_and_names_what_failed(report: Report, message: str) -> None:
    with pytest.raises(DotPartialError) as caught:
        report(None, FOREVER, FOR_NOW).require_complete()
    assert str(caught.value) == message


@both
def test_the_first_ten_failures_are_named(report: Report) -> None:
    with pytest.raises(DotPartialError, match=r"^12 of 12 .*a9.*; and 2 more$") as caught:
        report(*[FOREVER] * 12).require_complete()
    assert "a10" not in str(caught.value)
