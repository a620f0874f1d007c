"""What a warehouse's words on a failed load mean: what a person can do, and whether the same load can succeed later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Advice(NamedTuple):
    """What to do about a failure; ``text`` is empty where its words are unknown, which may pass."""

    text: str = ""
    retryable: bool = True


# The first that fits counts. Only names that stand in the credentials are looked for in "does not exist": of a table or
# a schema it is also what a load says whose table another process dropped or renamed in that moment.
_KNOWN = [
    (
        re.compile(r"(?i)authentication failed|login failed|access denied for user|incorrect username or password"),
        Advice("correct user name and password in its credentials", retryable=False),
    ),
    (
        re.compile(
            r"(?i)\b(database|role|user|catalog|warehouse) \W?[\w.$-]+\W? does not exist|unknown database|"
            r"cannot open database"
        ),
        Advice("create it, or correct its name in the credentials", retryable=False),
    ),
    (
        re.compile(
            r"(?i)(open|read).* file .*(no such file|permission denied|is a directory)|unable to open database file"
        ),
        Advice(
            "give a file in a folder that exists and may be written on the machine that runs the load", retryable=False
        ),
    ),
    (
        re.compile(r"(?i)not a valid duckdb"),
        Advice("give the path of a DuckDB file, or of none yet", retryable=False),
    ),
    (
        re.compile(r"(?i)permission denied|access denied|not authori[sz]ed|insufficient privilege"),
        Advice("give its user the right to create schemas and tables there", retryable=False),
    ),
    (re.compile(r"(?i)could not parse"), Advice("correct the URL in its credentials", retryable=False)),
    (
        re.compile(
            r"(?i)connection refused|could not translate host|name or service not known|name resolution|timed out|"
            r"no route to host|network is unreachable|timeout expired|could not connect|can't connect|"
            r"on socket .* no such file"
        ),
        Advice("check host and port in its credentials, that it runs, and that this machine may reach it"),
    ),
]


def advice_on(lines: Iterable[str]) -> Advice:
    """Return the advice on the first of ``lines`` whose words are known."""
    for line in lines:
        for words, advice in _KNOWN:
            if words.search(line):
                return advice
    return Advice()
