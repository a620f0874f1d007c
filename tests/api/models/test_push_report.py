from __future__ import annotations

import pytest

from dot_provider.api.errors import DotPartialError, DotServerError, DotUsageError
from dot_provider.api.models.push_report import PushedAsset, PushReport

FOREVER = PushedAsset.of("b", "sent", DotUsageError("no subtype"))
FOR_NOW = PushedAsset.of("c", "sent", DotServerError("away", status=503))


def test_a_report_counts_its_outcomes() -> None:
    report = PushReport([PushedAsset("a", "sent"), PushedAsset("d", "unchanged"), FOREVER], dry_run=True)
    assert report.counts == {"sent": 1, "unchanged": 1, "failed": 1}
    assert report.failed == [FOREVER]
    assert report.text == "External assets (dry run): 1 failed, 1 sent, 1 unchanged"
    assert PushReport().text == "External assets: nothing to do"


def test_records_are_plain_and_storable() -> None:
    report = PushReport([PushedAsset("a", "failed", "cut\x00")])
    assert report.to_records() == [{"id": "a", "outcome": "failed", "reason": "cut�"}]


def test_a_complete_report_passes() -> None:
    report = PushReport([PushedAsset.of("a", "sent", None)])
    assert report.require_complete() is report


@pytest.mark.parametrize(("failed", "retryable"), [([FOREVER], False), ([FOR_NOW], True), ([FOREVER, FOR_NOW], True)])
def test_a_partial_report_is_retryable_where_a_failure_can_pass(failed: list[PushedAsset], retryable: bool) -> None:
    with pytest.raises(DotPartialError) as caught:
        PushReport([PushedAsset("a", "sent"), *failed]).require_complete()
    assert caught.value.retryable is retryable
    assert caught.value.report == [PushedAsset("a", "sent"), *failed]


def test_the_first_ten_failures_are_named() -> None:
    items = [PushedAsset(f"asset-{n}", "failed", "why") for n in range(12)]
    with pytest.raises(DotPartialError, match=r"^12 of 12 external assets failed.*asset-9: why; and 2 more$") as caught:
        PushReport(items).require_complete()
    assert "asset-10" not in str(caught.value)
