from __future__ import annotations

from dot_provider.api.errors import DotUsageError
from dot_provider.api.models.push_report import PushedAsset, PushReport

FOREVER = PushedAsset.of("b", "sent", DotUsageError("no subtype"))


def test_a_report_counts_its_outcomes() -> None:
    report = PushReport([PushedAsset("a", "sent"), PushedAsset("d", "unchanged"), FOREVER], dry_run=True)
    assert report.counts == {"sent": 1, "unchanged": 1, "failed": 1}
    assert report.failed == [FOREVER]
    assert report.text == "External assets (dry run): 1 failed, 1 sent, 1 unchanged"
    assert PushReport().text == "External assets: nothing to do"


def test_records_are_plain_and_storable() -> None:
    report = PushReport([PushedAsset("a", "failed", "cut\x00")])
    assert report.to_records() == [{"id": "a", "outcome": "failed", "reason": "cut�"}]
