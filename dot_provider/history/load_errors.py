"""Why a load failed: the error, what a warehouse's words mean, what a person can do, whether a retry can succeed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from dot_provider.api.errors import DotError


class HistoryLoadError(DotError):
    """The warehouse did not take the rows; its tables still hold their last complete state.

    ``retryable`` is True where the same load can succeed later unchanged: a locked file, a lost connection, another
    load of the same conversations at the same moment.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


_REACH = "check host and port in its credentials, that it runs, and that this machine may reach it"
_FOLDER = "give a file in a folder that exists and may be written on the machine that runs the load"

# What a warehouse says, and what to do about it; the first that fits counts. Only names that stand in the credentials
# are looked for in "does not exist": of a table or a schema it is also what a load says whose table another process
# dropped or renamed in that moment.
_KNOWN = {
    r"authentication failed|login failed|access denied for user|incorrect username or password": (
        "correct user name and password in its credentials"
    ),
    r"\b(database|role|user|catalog|warehouse) \W?[\w.$-]+\W? does not exist|unknown database|cannot open database": (
        "create it, or correct its name in the credentials"
    ),
    r"(open|read).* file .*(no such file|permission denied|is a directory)|unable to open database file": _FOLDER,
    r"out of memory error": "raise memory_limit in the global_config of its credentials",
    r"not a valid duckdb": "give the path of a DuckDB file, or of none yet",
    r"permission denied|access denied|not authori[sz]ed|insufficient privilege": (
        "give its user the right to create schemas and tables there"
    ),
    r"could not parse": "correct the URL in its credentials",
    r"connection refused|could not translate host|name or service not known|name resolution|timed out|no route to host|"
    r"network is unreachable|timeout expired|could not connect|can't connect|on socket .* no such file": _REACH,
}


def advice_on(lines: Iterable[str]) -> tuple[str, bool]:
    """Return what to do about the first of ``lines`` whose words are known, and whether a retry can help.

    Where no words are known there is no advice, and the failure may pass.
    """
    found = (advice for line in lines for words, advice in _KNOWN.items() if re.search(words, line, re.IGNORECASE))
    advice = next(found, "")
    return advice, advice in ("", _REACH)


_LOCKED = re.compile(r"Could not set lock on file \"([^\"]+)\"")
_HOLDER = re.compile(r"PID (\d+)")
# What warehouses say when two transactions met: a unique key stands for another load's insert of the same conversation,
# a table that exists already for another load that made it; DuckDB cannot open a file at the moment it closes it.
_CONFLICT = re.compile(
    r"(?i)conflict on (tuple deletion|update)|write-write conflict|transaction conflict|update conflict|deadlock|"
    r"could not serialize|serializ\w+ (failure|isolation violation)|concurrent (update|transaction)|"
    r"tuple concurrently|duplicate key|already exists|unique file handle conflict"
)
_PUBLIC = frozenset(
    {"host", "database", "username", "port", "drivername", "catalog", "warehouse", "role", "project_id"}
)


# dlt's words for settings that it cannot use, as names because importing dlt is dear.
_SETTINGS = frozenset({"ConfigurationException", "SystemConfigurationException", "NativeValueError"})


def explain(error: Exception, destination: str, credentials: Any, deed: str = "") -> DotError:
    """Return what to raise for an exception of dlt or of a driver.

    Only the first line of the innermost exception is told: the lines that follow may quote rows.

    Args:
        error: What was raised while publishing.
        destination: dlt's name of the warehouse.
        credentials: What must not appear in the message.
        deed: What failed, in words; loading, if left out.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, DotError):
            return cause
        if type(cause).__name__ == "ConfigFieldMissingException":
            return HistoryLoadError(
                f"The credentials for {destination} are missing or incomplete; give credentials, or set dlt's own "
                f"DESTINATION__{destination.upper()}__CREDENTIALS.",
                retryable=False,
            )
    text = str(causes[-1]).strip()
    if locked := _LOCKED.search(text):
        found = _HOLDER.search(text)
        holder = f" (process {found[1]})" if found else ""
        return HistoryLoadError(
            f"The DuckDB file {locked[1]} is open in another process{holder}; a DuckDB file takes one writer "
            "at a time. Close it there, or run the loads that share it one after another."
        )
    innermost = causes[-1]
    if isinstance(innermost, ImportError):
        return HistoryLoadError(
            f"Loading into {destination} needs the package {innermost.name}: install it where the load runs.",
            retryable=False,
        )
    line = _scrubbed(_first_line(innermost), _secrets(credentials, destination))[:300]
    advice, may_pass = advice_on(map(_first_line, reversed(causes[-2:])))
    sentence = f"{deed or f'Loading history into {destination}'} failed with {type(innermost).__name__}: {line}"
    return HistoryLoadError(
        f"{sentence.rstrip('.!')}; {advice}." if advice else sentence,
        retryable=may_pass and not any(map(_is_of_settings, causes)),
    )


def _is_of_settings(error: BaseException) -> bool:
    """Return whether dlt refused what it was given: no retry changes that."""
    return any(cls.__name__ in _SETTINGS for cls in type(error).__mro__)


def is_conflict(error: BaseException) -> bool:
    """Return whether another transaction at the same moment caused ``error``, so that trying again can help."""
    return any(_CONFLICT.search(_first_line(cause)) for cause in _causes(error))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether DuckDB had too little memory."""
    return any(type(cause).__name__ == "OutOfMemoryException" for cause in _causes(error))


def _first_line(error: BaseException) -> str:
    return str(error).strip()[:2000].split("\n")[0]


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _scrubbed(text: str, secrets: set[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _secrets(credentials: Any, destination: str) -> set[str]:
    """Return each text in the credentials that could be secret, as it stands and as URLs write it."""
    if isinstance(credentials, Mapping):
        return set().union(*(_secrets(value, "") for key, value in credentials.items() if key not in _PUBLIC))
    if not isinstance(credentials, str) or (destination == "duckdb" and not credentials.startswith("md:")):
        return set()
    found = {credentials}
    try:
        url = urlsplit(credentials)
        found |= {url.password or "", unquote(url.password or ""), *(value for _, value in parse_qsl(url.query))}
    except ValueError:
        pass
    return {form for text in found if len(text) > 2 for form in (text, quote(text, safe=""))}
