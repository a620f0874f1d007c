"""What can go wrong with Dot, sorted by what the caller should do about it.

    DotError                          .retryable, .chat_url
    ├── DotUsageError                 change the argument or setting; nothing was sent
    │   └── DotConfigError            change the connection, resource or environment variable
    ├── DotRefusedError               Dot answered 4xx: change what is asked for; .status .detail
    │   ├── DotAuthError              401  the token is missing, wrong, expired or replaced
    │   ├── DotPermissionError        403  the token's role is too low
    │   ├── DotNotFoundError          404
    │   ├── DotConflictError          409  .payload says what is in the way
    │   └── DotValidationError        422  .fields names what Dot did not accept
    ├── DotTransientError             wait and try again; .retry_after seconds, when Dot said so
    │   ├── DotUnreachableError       no connection, or it broke; .sent tells whether Dot may have acted
    │   ├── DotTimeoutError           the deadline passed; Dot may have acted
    │   ├── DotRateLimitedError       429
    │   └── DotServerError            5xx; .status
    ├── DotProtocolError              the response is not what Dot sends: a proxy's page, cut or garbled JSON
    └── DotOutcomeError               Dot did the work, and the result is not a success
        ├── DotAnswerFailedError      a question ended in an error; a retry asks it anew
        ├── DotAnswerUnexpectedError  an answer does not hold what was expected of it
        ├── DotNeedsConfirmationError Dot asks whether to spend more credits; a retry looks whether a person agreed
        ├── DotEvaluationFailedError  the verdict is not "pass"
        │   └── DotEvaluationBrokenError  the run says nothing about the answers: broken, incomplete, or not ours
        └── DotPartialError           some items failed; .report has one entry per item

``retryable`` is the one thing that orchestrators translate: Airflow into a failure with or without retry, Dagster into
``allow_retries``. Messages never hold a token, a request header or a response dump.
"""

from __future__ import annotations

import pickle
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother = 2, 100, 100


class DotError(Exception):
    """Anything that this package raises on purpose.

    ``retryable`` says whether the same work can succeed later unchanged. ``chat_url`` links to the chat concerned,
    where there is one.
    """

    retryable = False
    chat_url: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, {name: _portable(value) for name, value in self.__dict__.items()})


class DotUsageError(DotError, ValueError):
    """An argument was refused before anything was sent."""


class DotConfigError(DotUsageError):
    """A setting of the connection, resource or client was refused before anything was sent."""


class DotRefusedError(DotError):
    """Dot answered with a 4xx status: sending the same again gives the same answer.

    Or with 200 and ``error``, ``success: false`` or ``status: error`` in its reply to a write; that may pass, and is
    ``retryable`` where the write may be repeated.
    """

    def __init__(self, message: str, *, status: int, detail: str = "", payload: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail
        self.payload = payload


class DotAuthError(DotRefusedError):
    """401: the token is missing, wrong, expired, or was replaced by a newer one of the same user."""


class DotPermissionError(DotRefusedError):
    """403: the role of the token's user is too low for this endpoint."""


class DotNotFoundError(DotRefusedError):
    """404: no such connection, conversation, evaluation, or no such endpoint on this Dot."""


class DotConflictError(DotRefusedError):
    """409: something is in the way, described in ``payload`` (for an evaluation: its active run)."""


class DotValidationError(DotRefusedError):
    """422: Dot did not accept a field; ``fields`` holds their dotted paths."""

    @property
    def fields(self) -> list[str]:
        """Dotted paths such as ``body.external_asset.id`` of what Dot did not accept."""
        entries = self.payload if isinstance(self.payload, list) else []
        return [field_path(entry.get("loc")) for entry in entries if isinstance(entry, dict) and entry.get("loc")]


class DotTransientError(DotError):
    """Dot or the way to it failed for now; ``retry_after`` is Dot's own word in seconds, when it gave one."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DotUnreachableError(DotTransientError):
    """No connection, or it broke. ``sent`` is False only when the request certainly never left."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class DotTimeoutError(DotTransientError):
    """The request, or the wait for its outcome, passed its deadline. Dot may still be at work."""


class DotRateLimitedError(DotTransientError):
    """429: too many requests."""


class DotServerError(DotTransientError):
    """5xx from Dot or from a proxy in front of it."""

    def __init__(self, message: str, *, status: int, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status


class DotProtocolError(DotError):
    """The response is no answer of Dot's. ``retryable`` where a cut response may come whole next time."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class DotOutcomeError(DotError):
    """Dot did the work and the result is not a success."""

    def __init__(self, message: str, *, chat_url: str | None = None) -> None:
        super().__init__(message)
        self.chat_url = chat_url


class DotAnswerFailedError(DotOutcomeError):
    """A question ended in an error on Dot's side. A retry asks it anew, under the next generation of its chat id."""

    retryable = True


class DotAnswerUnexpectedError(DotOutcomeError):
    """An answer is there, and does not hold what ``expect`` or ``check`` says; a retry finds the same answer.

    ``facts`` holds what was read from it all the same, such as the ``value`` that ``check`` refuses.
    """

    def __init__(self, message: str, *, facts: Mapping[str, Any] | None = None, chat_url: str | None = None) -> None:
        super().__init__(message, chat_url=chat_url)
        self.facts = dict(facts or {})


class DotNeedsConfirmationError(DotOutcomeError):
    """Dot paused and asks whether to spend more credits on this question; a person answers in the chat.

    A retry spends nothing: it looks at the same chat, and takes the answer once a person has agreed.
    """

    retryable = True


class DotEvaluationFailedError(DotOutcomeError):
    """An evaluation run finished with a verdict other than ``pass``; ``run`` is the finished run."""

    def __init__(self, message: str, *, run: Any, chat_url: str | None = None) -> None:
        super().__init__(message, chat_url=chat_url)
        self.run = run


class DotEvaluationBrokenError(DotEvaluationFailedError):
    """An evaluation run that says nothing about the answers: it broke down, is incomplete, or is not what was sent."""


class DotPartialError(DotOutcomeError):
    """Some items of a batch failed after the rest was sent; ``report`` holds one entry per item, in order.

    ``retryable`` where one of them failed for a reason that passes.
    """

    def __init__(self, message: str, *, report: Sequence[Any], retryable: bool = False) -> None:
        super().__init__(message)
        self.report = report
        self.retryable = retryable


def field_path(location: Any) -> str:
    """Return FastAPI's ``loc`` of a refused field as a dotted path, such as ``body.external_asset.id``."""
    if isinstance(location, list | tuple):
        return ".".join(str(part) for part in location)
    return str(location) if location else ""


def brief(value: object) -> str:
    """Return ``value`` as an error shows it: short, because a line of YAML aliases can stand for megabytes."""
    try:
        return _BRIEF.repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        return f"a very large {type(value).__name__}"


def _portable(value: Any) -> Any:
    """Return ``value``, or nothing where it is nested too deeply to travel to another process with the error."""
    try:
        pickle.dumps(value)
    except Exception:  # whatever a value of Dot's does to pickle, the message must arrive
        return () if isinstance(value, list | tuple) else None
    return value


def _rebuild(kind: type[DotError], args: tuple[Any, ...], state: dict[str, Any]) -> DotError:
    # Exceptions with keyword-only arguments do not survive pickling by default, and executors pickle them.
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
