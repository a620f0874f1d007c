"""What to tell about a load that the warehouse refused: one sentence, without credentials, SQL or rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from dot_provider.api.errors import DotError
from dot_provider.history.errors import HistoryLoadError

_LOCKED = re.compile(r"set lock on file \"(?P<path>[^\"]+)\".*?(?:PID (?P<pid>\d+))?\)?", re.DOTALL)
_PERMANENT = re.compile(
    r"(?i)permission denied|access denied|not authori[sz]ed|authentication failed|password|does not exist|"
    r"config ?field ?missing|not a valid duckdb|unable to open database"
)


def explain(error: Exception, destination: str, credentials: Any) -> DotError:
    """Return what to raise for an exception of dlt or of a driver.

    Args:
        error: What was raised while publishing.
        destination: dlt's name of the warehouse.
        credentials: What must not appear in the message.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, DotError):
            return cause
    root = causes[-1]
    text = str(root)
    if locked := _LOCKED.search(text):
        holder = f" (process {locked['pid']})" if locked["pid"] else ""
        return HistoryLoadError(
            f"The DuckDB file {locked['path']} is open in another process{holder}; a DuckDB file takes one writer at a "
            "time. Close it there, or run the loads that share it one after another."
        )
    line = _scrubbed(text.strip().split("\n")[0], credentials)[:300]
    retryable = not any(_PERMANENT.search(str(cause).split("\n")[0]) for cause in causes[1:] or causes)
    return HistoryLoadError(
        f"Loading history into {destination} failed with {type(root).__name__}: {line}", retryable=retryable
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _scrubbed(text: str, credentials: Any) -> str:
    for secret in sorted(_secrets(credentials), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(value: Any) -> set[str]:
    """Return each text in the credentials that could be secret, as it stands and as URLs write it."""
    if isinstance(value, str):
        found = {value}
        try:
            password = urlsplit(value).password
        except ValueError:
            password = None
        if password:
            found |= {password, unquote(password)}
    elif isinstance(value, Mapping):
        public = {"host", "database", "username", "port", "drivername", "catalog", "warehouse", "role", "project_id"}
        found = set().union(*(_secrets(v) for k, v in value.items() if k not in public))
    else:
        return set()
    return {form for text in found if len(text) > 2 for form in (text, quote(text, safe=""))}
