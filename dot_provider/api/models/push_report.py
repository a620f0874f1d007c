"""What became of each pushed external asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dot_provider.api.errors import DotError
from dot_provider.api.models.completeness import refuse_failures
from dot_provider.api.models.records import storable

PushOutcome = Literal[
    "sent", "unchanged", "failed", "deleted", "deactivated", "would send", "would delete", "would deactivate"
]


@dataclass(frozen=True, slots=True)
class PushedAsset:
    """One asset and what became of it; ``reason`` says why it failed, ``retryable`` whether that can pass."""

    asset_id: str
    outcome: PushOutcome
    reason: str = ""
    retryable: bool = False

    @property
    def label(self) -> str:
        """What an error calls the asset."""
        return self.asset_id

    @classmethod
    def of(cls, asset_id: str, done: PushOutcome, result: Any) -> PushedAsset:
        """Return ``done``, or "failed" with its reason where ``result`` is an error."""
        if isinstance(result, DotError):
            return cls(asset_id, "failed", str(result), result.retryable)
        return cls(asset_id, done)


@dataclass(frozen=True)
class PushReport:
    """What became of each asset, in the order in which they were given; pruned ones follow.

    A dry run's outcomes say what would be done, such as "would send".
    """

    items: Sequence[PushedAsset] = ()
    dry_run: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many assets had each outcome."""
        return dict(Counter(item.outcome for item in self.items))

    @property
    def failed(self) -> list[PushedAsset]:
        """The assets that failed."""
        return [item for item in self.items if item.outcome == "failed"]

    @property
    def text(self) -> str:
        """One line for logs."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.counts.items())) or "nothing to do"
        return f"External assets{' (dry run)' if self.dry_run else ''}: {counts}"

    def to_records(self) -> list[dict[str, str]]:
        """Return one plain dict per asset, for XCom, metadata or a file."""
        return [
            {"id": storable(item.asset_id), "outcome": item.outcome, "reason": storable(item.reason)}
            for item in self.items
        ]

    def require_complete(self) -> PushReport:
        """Return the report where nothing failed.

        Raises:
            DotPartialError: some assets failed; the message lists the first ones, ``report`` holds all entries. It is
                retryable where one of the failures can pass: assets that arrived are not sent a second time.
        """
        refuse_failures(self.items, "external assets failed, the rest was sent")
        return self
