"""Pushing external assets in bulk: unchanged ones are left out, failures reported one by one, leftovers pruned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Literal

from dot_provider.api.call import Flow, progress, send, together
from dot_provider.api.calls.external_assets import (
    delete_external_asset,
    import_external_asset,
    list_external_assets,
)
from dot_provider.api.errors import DotRefusedError, DotUsageError
from dot_provider.api.models.external_asset import ExternalAsset, external_assets
from dot_provider.api.models.push_report import PushedAsset, PushReport
from dot_provider.api.models.records import Record, text_of

CONCURRENCY = 16
"""Imports that are under way at once."""

BATCH = 256
"""Assets that are held in memory at once."""

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

    Assets that Dot already has in the same words are not sent. One that fails does not keep the rest from being sent.

    Args:
        assets: ``ExternalAsset`` objects, or mappings with their fields; any iterable.
        prune: what to do with assets of Dot's that are no longer listed: nothing (False), delete them (True or
            "delete") or hide them ("deactivate"). Only assets with a subtype and folder of the pushed ones are looked
            at, or those with ``subtype`` (and ``folder``) where given.
        dry_run: True to send nothing and report what would be done.
        subtype: limits pruning to this subtype; needed to prune with an empty list.
        folder: limits pruning to this folder.
        concurrency: imports that are under way at once.

    Raises:
        DotUsageError: a row is malformed, or pruning has no scope. Of a stream, rows before it may have been sent.
        DotError: Dot's assets could not be listed where pruning needs them.
    """
    how = _checked_prune(prune)
    known = yield from _known_assets(required=how is not None or dry_run)
    report, scope, listed = PushReport(dry_run=dry_run), set[tuple[str, str]](), set[str]()
    # A list is checked as a whole before anything is sent; a stream cannot be.
    rows = iter(list(external_assets(assets)) if isinstance(assets, Sequence) else external_assets(assets))
    while batch := list(islice(rows, BATCH)):
        listed.update(asset.id for asset in batch)
        scope.update((asset.subtype, asset.folder) for asset in batch)
        report.items.extend((yield from _send(batch, known, dry_run, concurrency)))
        if len(report.items) > BATCH:
            yield from progress(f"{len(report.items)} external assets so far", event=False)
    if how is not None:
        leftovers = _leftovers(known, listed, _in_scope(scope, subtype, folder))
        report.items.extend((yield from _prune(leftovers, how, dry_run, concurrency)))
    yield from progress(report.text)
    return report


def _known_assets(*, required: bool) -> Flow[dict[str, Record]]:
    try:
        records = yield from send(list_external_assets())
    except DotRefusedError:
        if required:
            raise
        return {}  # a token that may import but not list: everything is sent
    return {text_of(record, "id", "asset_id"): record for record in records}


def _send(
    batch: list[ExternalAsset], known: dict[str, Record], dry_run: bool, concurrency: int
) -> Flow[list[PushedAsset]]:
    changed = [a for a in batch if not (a.id in known and a.is_same_as(known[a.id]))]
    outcomes: list[Any] = [None] * len(changed)
    if not dry_run and changed:
        outcomes = yield from together([import_external_asset(asset) for asset in changed], concurrency)
    results = {
        asset.id: PushedAsset.of(asset.id, "sent", result) for asset, result in zip(changed, outcomes, strict=True)
    }
    return [results.get(asset.id) or PushedAsset(asset.id, "unchanged") for asset in batch]


def _prune(leftovers: list[tuple[str, Record]], how: Prune, dry_run: bool, concurrency: int) -> Flow[list[PushedAsset]]:
    done: Literal["deleted", "deactivated"] = "deleted" if how == "delete" else "deactivated"
    outcomes: list[Any] = [None] * len(leftovers)
    if not dry_run and leftovers:
        calls = [
            delete_external_asset(asset_id) if how == "delete" else import_external_asset(_hidden(asset_id, record))
            for asset_id, record in leftovers
        ]
        outcomes = yield from together(calls, concurrency)
    return [PushedAsset.of(asset_id, done, result) for (asset_id, _), result in zip(leftovers, outcomes, strict=True)]


def _leftovers(
    known: dict[str, Record], listed: set[str], in_scope: set[tuple[str, str | None]]
) -> list[tuple[str, Record]]:
    return [
        (asset_id, record)
        for asset_id, record in known.items()
        if asset_id
        and asset_id not in listed
        and record.get("active", True) is not False
        and (
            (text_of(record, "subtype"), text_of(record, "folder")) in in_scope
            or (text_of(record, "subtype"), None) in in_scope
        )
    ]


def _in_scope(pushed: set[tuple[str, str]], subtype: str | None, folder: str | None) -> set[tuple[str, str | None]]:
    if subtype is not None:
        return {(subtype, folder)}
    scope = {(kind, where) for kind, where in pushed if folder is None or where == folder}
    if not scope:
        raise DotUsageError("Pruning with an empty list needs subtype (and folder): nothing was removed.")
    return {(kind, where) for kind, where in scope}


def _hidden(asset_id: str, record: Record) -> ExternalAsset:
    return ExternalAsset(
        id=asset_id,
        subtype=text_of(record, "subtype"),
        folder=text_of(record, "folder"),
        name=text_of(record, "name"),
        description=text_of(record, "description"),
        url=text_of(record, "url"),
        active=False,
        dot_description=text_of(record, "dot_description") or None,
    )


def _checked_prune(prune: bool | Prune) -> Prune | None:
    if prune is True or prune == "delete":
        return "delete"
    if prune == "deactivate":
        return "deactivate"
    if prune is False or prune is None:
        return None
    raise DotUsageError(f"prune must be true, false, 'delete' or 'deactivate', not {prune!r}.")
