"""Pushing external assets in bulk: unchanged ones are left out, failures reported one by one, leftovers pruned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from dot_provider.api._core.call import Call, Flow, gather, now, progress, send
from dot_provider.api.arguments import checked_flag, checked_text
from dot_provider.api.errors import (
    DotAuthError,
    DotError,
    DotNotFoundError,
    DotPermissionError,
    DotProtocolError,
    DotRefusedError,
    DotTransientError,
    DotUsageError,
    brief,
)
from dot_provider.api.external_assets import (
    ExternalAsset,
    StoredAsset,
    delete_external_asset,
    external_assets,
    import_external_asset,
    list_external_assets,
)
from dot_provider.api.records import Reply, Report, storable

PushOutcome = Literal[
    "sent", "unchanged", "failed", "deleted", "deactivated", "kept", "would send", "would delete", "would deactivate"
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
class PushReport(Report[PushedAsset]):
    """What became of each asset, in the order in which they were given; pruned ones follow.

    A dry run's outcomes say what would be done, such as "would send"; ``counts`` counts outcomes.
    """

    title = "External assets"
    counted = "outcome"
    failure = "external assets failed, the rest was sent"

    def to_records(self) -> list[dict[str, str]]:
        """Return one plain dict per asset, for XCom, metadata or a file."""
        return [
            {"id": storable(item.asset_id), "outcome": item.outcome, "reason": storable(item.reason)}
            for item in self.items
        ]


CONCURRENCY = 16
"""Imports that are under way at once."""

BATCH = 256
"""Assets that are held in memory at once."""

AWAY_AFTER = 600.0
"""Seconds without one success after which the rest is not sent: it would only wait for each time-out in turn."""

Prune = Literal["delete", "deactivate"]


def push_external_assets(
    assets: Iterable[Any],
    prune: bool | Prune = False,
    dry_run: bool = False,
    *,
    subtype: str | None = None,
    folder: str | None = None,
    concurrency: int = CONCURRENCY,
) -> Flow[PushReport]:
    """Import external assets of any number, and return one entry per asset, in order.

    Assets that Dot already has in the same words are not sent. One that fails does not keep the rest from being sent,
    unless the token or its role is refused, or Dot is away. Assets are held in memory ``BATCH`` at a time, and of each
    one its entry.

    Args:
        assets: ``ExternalAsset`` objects, or mappings with their fields; any iterable.
        prune: what to do with assets of Dot's that are no longer listed: nothing (False), delete them (True or
            "delete") or hide them ("deactivate"). Only assets with a subtype and folder of the pushed ones are looked
            at, or those with ``subtype`` (and ``folder``) where given. A hidden one is deleted too. Where an import
            fails, nothing is pruned: leftovers are told as "kept".
        dry_run: True to send nothing and report what would be done, in outcomes such as "would send".
        subtype: limits pruning to this subtype; needed to prune with an empty list.
        folder: limits pruning to this folder.
        concurrency: imports that are under way at once.

    Raises:
        DotUsageError: a row is malformed, or pruning has no scope. Of a stream, rows before it may have been sent.
        DotAuthError, DotPermissionError: the token may not import.
        DotError: Dot's assets could not be listed, where pruning or a dry run needs them.
    """
    how, dry_run = checked_prune(prune), checked_flag("dry_run", dry_run)
    scope, sender = _Scope(subtype, folder), _Sender(dry_run, concurrency)
    known = yield from _known_assets(required=how is not None or dry_run)
    items, listed = list[PushedAsset](), set[str]()
    # A list is checked as a whole before anything is sent; a stream cannot be.
    rows = iter(list(external_assets(assets)) if isinstance(assets, Sequence) else external_assets(assets))
    while batch := list(islice(rows, BATCH)):
        if how is not None:
            listed.update(asset.id for asset in batch)
            scope.add(batch)
        items += yield from _import(sender, batch, known)
        if len(items) > BATCH:
            yield from progress(f"{len(items)} external assets so far", event=False)
    if how is not None:
        scope.check()
        leftovers = [a for a in known.values() if a.id not in listed and a in scope and (a.active or how == "delete")]
        if any(item.outcome == "failed" for item in items):  # one of the leftovers may be an asset under its former id
            items += [PushedAsset(asset.id, "kept", "not pruned, because an import failed") for asset in leftovers]
        else:
            items += yield from _prune(sender, leftovers, how)
    report = PushReport(items, dry_run)
    yield from progress(report.text)
    return report


class _Scope:
    """Which of Dot's assets may be pruned: those of the given subtype and folder, or else of those that are pushed."""

    def __init__(self, subtype: str | None, folder: str | None) -> None:
        self._subtype = None if subtype is None else checked_text("subtype", subtype)
        self._folder = folder
        self._places: set[tuple[str, str]] = set()

    def add(self, pushed: list[ExternalAsset]) -> None:
        self._places.update((asset.subtype, asset.folder) for asset in pushed)

    def check(self) -> None:
        """Refuse to prune without a place, which would be everywhere or nowhere."""
        if self._subtype is None and not self._places:
            raise DotUsageError("Pruning with an empty list needs subtype (and folder): nothing was removed.")

    def __contains__(self, asset: StoredAsset) -> bool:
        if self._folder is not None and asset.folder != self._folder:
            return False
        return asset.subtype == self._subtype if self._subtype else (asset.subtype, asset.folder) in self._places


def _known_assets(*, required: bool) -> Flow[dict[str, StoredAsset]]:
    try:
        stored = yield from send(list_external_assets())
    except DotAuthError:
        raise
    except (DotRefusedError, DotProtocolError):
        if required:
            raise
        return {}  # a token that may import but not list, or a list too long to be read: everything is sent
    return {asset.id: asset for asset in stored if asset.id}


class _Sender:
    """Sends calls side by side, until it is clear that the others would fare no better."""

    def __init__(self, dry_run: bool, concurrency: int) -> None:
        self._dry_run, self._concurrency = dry_run, concurrency
        self.sent: PushOutcome = "would send" if dry_run else "sent"
        self.deleted: PushOutcome = "would delete" if dry_run else "deleted"
        self.deactivated: PushOutcome = "would deactivate" if dry_run else "deactivated"
        self._failing_since: float | None = None

    def send(self, calls: Sequence[Call[Reply]]) -> Flow[list[Any]]:
        """Return a result or an error for each call, in order; nothing is sent in a dry run, or when Dot is away.

        Raises:
            DotAuthError, DotPermissionError: every call was refused for the token's sake.
        """
        if self._dry_run or not calls:
            return [None] * len(calls)
        began = yield from now()
        if self._failing_since is not None and began - self._failing_since >= AWAY_AFTER:
            return [DotTransientError(f"not sent, because Dot has not answered for {AWAY_AFTER:.0f} s")] * len(calls)
        outcomes = yield from gather(calls, self._concurrency)
        if all(isinstance(outcome, DotAuthError | DotPermissionError) for outcome in outcomes):
            raise next(outcome for outcome in outcomes if isinstance(outcome, Exception))
        if not all(isinstance(outcome, DotTransientError) for outcome in outcomes):
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = began
        return outcomes


def _import(sender: _Sender, batch: list[ExternalAsset], known: dict[str, StoredAsset]) -> Flow[list[PushedAsset]]:
    changed = [asset for asset in batch if not (asset.id in known and asset.is_same_as(known[asset.id].raw))]
    outcomes = yield from sender.send([import_external_asset(asset) for asset in changed])
    results = {
        asset.id: PushedAsset.of(asset.id, sender.sent, result) for asset, result in zip(changed, outcomes, strict=True)
    }
    return [results.get(asset.id) or PushedAsset(asset.id, "unchanged") for asset in batch]


def _prune(sender: _Sender, leftovers: list[StoredAsset], how: Prune) -> Flow[list[PushedAsset]]:
    done = sender.deleted if how == "delete" else sender.deactivated
    calls, failures = dict[str, Call[Reply]](), dict[str, Any]()
    for asset in leftovers:
        try:
            calls[asset.id] = _removal(asset, how)
        except DotUsageError as error:  # Dot's own record is not one that it takes back
            failures[asset.id] = error
    outcomes = yield from sender.send(list(calls.values()))
    results = {**dict(zip(calls, outcomes, strict=True)), **failures}
    return [PushedAsset.of(asset.id, done, _gone_is_done(how, results[asset.id])) for asset in leftovers]


def _removal(asset: StoredAsset, how: Prune) -> Call[Reply]:
    return delete_external_asset(asset.id) if how == "delete" else import_external_asset(asset.hidden())


def _gone_is_done(how: Prune, result: Any) -> Any:
    # The answer to a first try may have been lost, and the second finds nothing to delete.
    return None if how == "delete" and isinstance(result, DotNotFoundError) else result


def checked_prune(prune: bool | Prune) -> Prune | None:
    """Return what is done with leftovers, None for nothing.

    Raises:
        DotUsageError: ``prune`` is none of the words.
    """
    word = str(prune).strip().lower()  # also as a template renders it
    if word in ("true", "delete"):
        return "delete"
    if word == "deactivate":
        return "deactivate"
    if word in ("false", "none"):
        return None
    raise DotUsageError(f"prune must be true, false, 'delete' or 'deactivate', not {brief(prune)}.")
