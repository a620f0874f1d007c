"""What a trigger tells the task that waits for it: a plain dict of ids and a status, checked when it comes back.

Triggerer and worker can run different versions of this package for a while, so the dict has a version of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from dot_provider.api.errors import DotError, DotOutcomeError, DotProtocolError, DotTimeoutError

VERSION = 1

Status = Literal["finished", "timeout", "unreadable"]
"""finished: Dot has a result, good or bad; timeout: the deadline passed; unreadable: Dot could not be read."""


def finished(**ids: Any) -> dict[str, Any]:
    """Return the event for work that Dot has finished."""
    return {"version": VERSION, "status": "finished", **ids}


def ended_by(error: DotError, **ids: Any) -> dict[str, Any]:
    """Return the event for a wait that ``error`` ended. The error's class travels, its text does not."""
    if isinstance(error, DotOutcomeError):
        return finished(**ids)
    status: Status = "timeout" if isinstance(error, DotTimeoutError) else "unreadable"
    return {"version": VERSION, "status": status, "reason": type(error).__name__, **ids}


def checked_event(event: Any, **ids: type) -> Mapping[str, Any]:
    """Return ``event`` where it is one of ours and has these ``ids``, each of its type.

    Raises:
        DotProtocolError: it is not; retryable, because a retry attaches to the work again.
    """
    if not isinstance(event, Mapping):
        wrong = f"{type(event).__name__} instead of a mapping"
    elif event.get("version") != VERSION:
        wrong = f"version {event.get('version')!r} instead of {VERSION}"
    elif event.get("status") not in get_args(Status):
        wrong = f"unknown status {event.get('status')!r}"
    elif missing := [name for name, kind in ids.items() if not (isinstance(event.get(name), kind) and event[name])]:
        wrong = f"no {missing[0]}"
    else:
        return event
    raise DotProtocolError(
        f"The trigger's event cannot be read ({wrong}): run the same version of dot-provider on triggerer and workers.",
        retryable=True,
    )


def lost_sight(event: Mapping[str, Any], what: str) -> DotProtocolError:
    """Return the error for work that the triggerer could not follow and that is not finished."""
    reason = event.get("reason") or "the answer it saw is gone"
    return DotProtocolError(
        f"The triggerer lost sight of {what} ({reason}; see its log). A retry waits on, and does not start it again.",
        retryable=True,
    )
