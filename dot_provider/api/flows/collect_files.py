"""The files of an answer: its text as markdown, its tables as CSV, its charts as PNG."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dot_provider.api.call import Flow, progress
from dot_provider.api.errors import DotError
from dot_provider.api.flows.download import download
from dot_provider.api.models.answer import Answer
from dot_provider.api.rendering import answer_markdown
from dot_provider.api.server import Server

_FORMULA = re.compile(rb'(?:^|[,;\t\r\n])"?(?:[=@]|[+-][A-Za-z(])')
"""Where a cell of a CSV file begins like a formula; a signed number does not."""


@dataclass(frozen=True)
class CollectedFile:
    """A file of an answer: a name without folders, and its content."""

    name: str
    content: bytes = field(repr=False)


def collect_files(server: Server, answer: Answer) -> Flow[list[CollectedFile]]:
    """Return ``answer.md`` and every table, chart and file of an answer that can be downloaded.

    A file that cannot be had, because it has expired or its link is unusable for example, is left out with a line of
    progress: the answer is paid for and the rest of it is there. Tables are kept as they are; texts in them that a
    spreadsheet would run as a formula are told about.

    Args:
        server: the server, whose key is sent to its own links only.
        answer: from ``DotClient.ask``.

    Raises:
        DotError: a download failed in a way that can pass; ``retryable`` is True.
    """
    collected = [CollectedFile("answer.md", answer_markdown(answer).encode())]
    taken = {"answer.md"}
    for wanted, url in _links(answer):
        name = _unused(wanted, taken)
        try:
            file = yield from download(server, url)
        except DotError as error:
            if error.retryable:
                raise
            yield from progress(f"Left out {name}: {error}")
            continue
        if name.endswith(".csv") and _FORMULA.search(file.content):
            yield from progress(f"{name} has texts that begin with =, +, - or @: a spreadsheet runs them as formulas.")
        collected.append(CollectedFile(name, file.content))
    return collected


def _links(answer: Answer) -> Iterator[tuple[str, str]]:
    yield from ((f"{safe_name(table.key)}.csv", table.csv_url) for table in answer.tables if table.csv_url)
    yield from ((f"{safe_name(chart.key)}.png", chart.png_url) for chart in answer.charts if chart.png_url)
    yield from ((safe_name(file.path.rpartition("/")[2] or file.key), file.url) for file in answer.files if file.url)


def safe_name(name: str) -> str:
    """Return ``name`` as a plain file name on every system and in every object store, its ending kept."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "file"
    stem, dot, ending = plain.rpartition(".")
    if not stem or len(ending) > 10:
        stem, dot, ending = plain, "", ""
    # File systems take 255 bytes; some are left for a number, an ending and what is written beside the file.
    return stem.encode()[:160].decode(errors="ignore") + dot + ending


def _unused(name: str, taken: set[str]) -> str:
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    number = 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}{dot}{ending}"
    taken.add(name.lower())
    return name
