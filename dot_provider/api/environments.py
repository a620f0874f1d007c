"""Dot's environments: list, create, compare, sync, merge, delete; made once by name, and old ones cleaned up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from dot_provider.api._core.call import Call, Flow, now, progress, send
from dot_provider.api.arguments import api_path, checked_line, checked_moment, checked_seconds, checked_text
from dot_provider.api.errors import (
    DotConflictError,
    DotNotFoundError,
    DotPermissionError,
    DotTransientError,
    DotUsageError,
)
from dot_provider.api.evaluations import evaluation_target
from dot_provider.api.records import Record, Reply, each, record_of, records_in, text_of


@dataclass(frozen=True)
class Environment:
    """An environment, as ``GET /environments`` lists it."""

    id: str
    name: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Environment:
        """Read an environment."""
        return cls(text_of(record, "id", "environment_id"), text_of(record, "name", "title"), record)


SYNC_TIMEOUT = 600.0
"""Seconds that syncing a target may take."""


@dataclass(frozen=True)
class MergedEnvironment:
    """What became of an environment's changes: in production (``merged``), or ``proposed`` for a review."""

    outcome: Literal["merged", "proposed"]
    raw: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class EnvironmentComparison:
    """What an environment changes, and which of it production has changed too, each as Dot lists them."""

    changes: list[Record]
    conflicts: list[Record]


def environments() -> Call[list[Environment]]:
    """List the environments. ``GET /environments``."""
    return Call("list environments", "GET", api_path("environments"), each(Environment.from_record, "environments"))


def create_environment(name: str, settings: Mapping[str, Any] | None = None) -> Call[Environment]:
    """Create an environment. ``POST /environments`` with ``name`` and any further settings that Dot knows."""
    body = {**(settings or {}), "name": checked_text("name", name)}
    path = api_path("environments")
    return Call(f"create environment {name!r}", "POST", path, Environment.from_record, repeatable=False, body=body)


def delete_environment(environment_id: str) -> Call[Reply]:
    """Delete an environment. ``DELETE /environments/{id}?confirm=true``."""
    path = api_path("environments", ("environment_id", environment_id))
    return Call(f"delete environment {environment_id}", "DELETE", path, Reply, query={"confirm": "true"})


def environment_diff(environment_id: str) -> Call[Reply]:
    """Return what differs from production. ``GET /environments/{id}/diff``."""
    return _verb("GET", environment_id, "diff")


def environment_conflicts(environment_id: str) -> Call[Reply]:
    """Return what changed on both sides. ``GET /environments/{id}/conflicts``."""
    return _verb("GET", environment_id, "conflicts")


def set_environment_targets(environment_id: str, targets: Mapping[str, Any]) -> Call[Reply]:
    """Set which databases and schemas an environment reads. ``PUT /environments/{id}/targets``."""
    return _verb("PUT", environment_id, "targets", dict(targets))


def sync_environment_target(environment_id: str, target: Mapping[str, Any] | None = None) -> Call[Reply]:
    """Sync an environment with its target. ``POST /environments/{id}/sync_target``."""
    return _verb("POST", environment_id, "sync_target", dict(target or {}), slow=SYNC_TIMEOUT)


def merge_environment(environment_id: str) -> Call[Reply]:
    """Merge an environment into production. ``POST /environments/{id}/merge`` with ``confirm``."""
    return _verb("POST", environment_id, "merge", {"confirm": True}, repeatable=False)


def propose_environment(environment_id: str, proposal: Mapping[str, Any] | None = None) -> Call[Reply]:
    """Propose an environment for review. ``POST /environments/{id}/proposal``."""
    return _verb("POST", environment_id, "proposal", dict(proposal or {}), repeatable=False)


def update_environment_from_production(environment_id: str) -> Call[Reply]:
    """Bring production's changes into an environment. ``POST /environments/{id}/update_from_production``."""
    return _verb("POST", environment_id, "update_from_production", {})


def _verb(
    method: str,
    environment_id: str,
    verb: str,
    body: Mapping[str, Any] | None = None,
    *,
    repeatable: bool = True,
    slow: float = 0.0,
) -> Call[Reply]:
    path = api_path("environments", ("environment_id", environment_id), verb)
    name = f"{verb.replace('_', ' ')} of environment {environment_id}"
    return Call(name, method, path, Reply, repeatable=repeatable, body=body, slow=slow)


def ensure_environment(
    name: str,
    targets: Mapping[str, Any] | None = None,
    *,
    source_env_id: str | None = None,
    color: str | None = None,
) -> Flow[Environment]:
    """Return the environment of this name, which is made where there is none, reading from ``targets``.

    ``GET`` and ``POST /environments``, ``PUT /environments/{id}/targets``. Whoever was stopped on the way runs it again
    and has one environment.

    Args:
        name: names one environment, such as ``pr-17``.
        targets: which databases and schemas it reads, as ``set_environment_targets`` takes them.
        source_env_id: id of the environment that a new one is a copy of; production without it.
        color: of a new one, in Dot.

    Raises:
        DotUsageError: the name is empty, or two environments have it.
        DotError: a call failed.
    """
    found = yield from _named(checked_line("name", name))
    if found is None:
        settings = {"source_env_id": source_env_id, "color": color}
        try:
            call = create_environment(name, {key: value for key, value in settings.items() if value is not None})
            found = yield from send(call)
        except DotTransientError:
            # Dot may have made it all the same, and a second one would be left over.
            found = yield from _named(name)
            if found is None:
                raise
        if not found.id:
            found = (yield from _named(name)) or found
        yield from progress(f"Environment {name!r} created")
    if targets is not None:
        yield from send(set_environment_targets(found.id, targets))
    return found


def compare_environment(environment_id: str) -> Flow[EnvironmentComparison]:
    """Return what an environment changes, and what conflicts with production.

    ``GET /environments/{id}/diff``, ``/conflicts``.

    Raises:
        DotProtocolError: an answer holds no list, so nobody knows whether there are conflicts.
        DotError: a call failed.
    """
    diff: Call[Any] = environment_diff(environment_id)
    conflicts: Call[Any] = environment_conflicts(environment_id)
    changed = yield from send(replace(diff, read=lambda document: records_in(document, "changes", "diff")))
    both = yield from send(replace(conflicts, read=lambda document: records_in(document, "conflicts")))
    return EnvironmentComparison(changed, both)


def merge_or_propose_environment(
    environment_id: str, *, merge: bool = True, expected_target_commit: str | None = None
) -> Flow[MergedEnvironment]:
    """Merge an environment into production, or propose it for a review where the token may not merge.

    ``POST /environments/{id}/merge``, ``/proposal``; ``GET /evaluations/target`` before it where a commit is expected.

    Args:
        environment_id: the environment's id.
        merge: False to propose it in any case.
        expected_target_commit: the environment's commit that was evaluated: another one is not merged.

    Raises:
        DotConflictError: production, or the environment, changed meanwhile.
        DotError: any other failure of a call.
    """
    if expected_target_commit:
        try:
            found = (yield from send(evaluation_target(environment_id))).commit
        except DotNotFoundError:
            found = ""
        if merge and not found:
            yield from progress("This Dot does not tell whether what was evaluated has changed: it is proposed instead")
            merge = False
        elif found and found != expected_target_commit:
            said = f"Environment {environment_id} is at {found}, and {expected_target_commit} was evaluated"
            raise DotConflictError(f"{said}: evaluate it again. Nothing was merged.", status=409)
    if merge:
        try:
            reply = yield from send(merge_environment(environment_id))
        except DotPermissionError:
            yield from progress(f"The token may not merge the environment {environment_id}: it is proposed instead")
        except DotConflictError as error:
            said = f"{error} Where production has changed the same: update the environment from it, and evaluate again."
            raise DotConflictError(said, status=409, detail=error.detail, payload=error.payload) from None
        else:
            yield from progress(f"Environment {environment_id} merged into production")
            return MergedEnvironment("merged", reply.raw)
    reply = yield from send(propose_environment(environment_id))
    yield from progress(f"Environment {environment_id} proposed for a review")
    return MergedEnvironment("proposed", reply.raw)


def delete_environments(
    name: str | None = None, *, prefix: str | None = None, older_than: timedelta | float | None = None
) -> Flow[list[str]]:
    """Delete the environments of one name, or old ones whose names begin alike; return the names of the deleted.

    ``GET /environments``, ``DELETE /environments/{id}``. One that is gone already is no error, and one that Dot shows
    as proposed for a review is left.

    Args:
        name: the whole name.
        prefix: how the names begin, instead, such as ``pr-``: never those of other people.
        older_than: with ``prefix``, the age from which on they are deleted, a ``timedelta`` or seconds. It is told by
            the day that a name ends in, such as ``pr-17-20260131``; others are left.

    Raises:
        DotUsageError: not exactly one of ``name`` and ``prefix`` is given, or no age with ``prefix``; or two have it.
        DotError: a call failed.
    """
    if (name is None) == (prefix is None) or (prefix is None) != (older_than is None):
        raise DotUsageError("Give name, the whole name of an environment; or prefix and older_than.")
    wanted = checked_text("name" if prefix is None else "prefix", name if prefix is None else prefix)
    seconds = 0.0 if older_than is None else checked_seconds("older_than", older_than)
    oldest = datetime.fromtimestamp((yield from now()), timezone.utc) - timedelta(seconds=seconds)
    if prefix is not None:
        found = yield from send(environments())
        chosen = [one for one in found if one.name.startswith(wanted) and _is_before(one, oldest)]
    else:
        named = yield from _named(wanted)
        chosen = [] if named is None else [named]
    deleted = []
    for one in chosen:
        if record_of(one.raw, "proposal") or text_of(one.raw, "status") == "proposed":
            yield from progress(f"Environment {one.name} is left: it is proposed for a review")
            continue
        with suppress(DotNotFoundError):
            yield from send(delete_environment(one.id))
            deleted.append(one.name)
    yield from progress(f"Environments deleted: {', '.join(deleted) or 'none'}")
    return deleted


def _named(name: str) -> Flow[Environment | None]:
    """Return the environment of this name. Dot allows several, and which is a pipeline's own nobody knows."""
    found = [one for one in (yield from send(environments())) if one.name == name]
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise DotUsageError(f"Dot has {len(found)} environments called {name!r} ({ids}): rename or delete all but one.")
    return found[0] if found else None


def _is_before(environment: Environment, moment: datetime) -> bool:
    """Tell whether the day at the end of the name lies before ``moment``."""
    day = re.search(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)$", environment.name)
    try:
        return day is not None and checked_moment("name", f"{day[1]}-{day[2]}-{day[3]}T00:00:00Z") < moment
    except DotUsageError:
        return False
