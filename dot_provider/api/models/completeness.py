"""What ends a batch of which some items failed, once the rest is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from dot_provider.api.errors import DotPartialError

SHOWN = 10
"""How many failures the message lists."""


class _Item(Protocol):
    """An entry of a report: its outcome, and of a failed one why, and whether that can pass."""

    @property
    def label(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def retryable(self) -> bool: ...


Entry = TypeVar("Entry", bound=_Item)


def refuse_failures(items: Sequence[Entry], what: str) -> None:
    """Let a report pass in which nothing failed.

    Args:
        items: all entries.
        what: what they are, and what became of the others, behind "1 of 3".

    Raises:
        DotPartialError: some failed; the message lists the first ones, ``report`` holds all entries. It is retryable
            where one of the failures can pass.
    """
    failed = [item for item in items if item.outcome == "failed"]
    if failed:
        shown = "; ".join(f"{item.label}: {item.reason}" for item in failed[:SHOWN])
        more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        raise DotPartialError(
            f"{len(failed)} of {len(items)} {what}. {shown}{more}",
            report=items,
            retryable=any(item.retryable for item in failed),
        )
