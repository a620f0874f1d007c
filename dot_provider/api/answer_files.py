"""Answers as files: markdown, tables, charts, in a folder that is local or in any storage that fsspec knows."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dot_provider.api._core.call import Flow, progress
from dot_provider.api.answer import Answer, AnswerChart, AnswerTable
from dot_provider.api.answer_markdown import answer_html, answer_markdown
from dot_provider.api.errors import DotError, DotTransientError, DotUsageError
from dot_provider.api.files import download

if TYPE_CHECKING:
    from dot_provider.api.client import DotClient


_FORMULA = re.compile(rb'(?:^|[,;\t\r\n])"?(?:[=@]|[+-][A-Za-z(])')
"""Where a cell of a CSV file begins like a formula; a signed number does not."""


@dataclass(frozen=True)
class CollectedFile:
    """A file of an answer: a name without folders, and its content."""

    name: str
    content: bytes = field(repr=False)


def collect_files(answer: Answer, have: Mapping[str, bytes] = MappingProxyType({})) -> Flow[list[CollectedFile]]:
    """Return ``answer.md``, ``answer.html`` and every table, chart and file of an answer that can be downloaded.

    ``answer.html`` is one page with the charts inside, for e-mails; it needs markdown-it-py, which Airflow brings.

    A file that cannot be had, because it has expired or its link is unusable for example, is left out with a line of
    progress: the answer is paid for and the rest of it is there. Tables are kept as they are; texts in them that a
    spreadsheet would run as a formula are told about.

    Args:
        answer: from ``DotClient.ask``.
        have: contents that were downloaded before, by their links.

    Raises:
        DotError: a download failed in a way that can pass; ``retryable`` is True.
    """
    collected = [CollectedFile("answer.md", answer_markdown(answer).encode())]
    taken, pictures = {"answer.md", "answer.html"}, dict[str, bytes]()
    charts = {chart.png_url: chart.key for chart in answer.charts if chart.png_url}
    for wanted, url in _links(answer):
        name = _unused(wanted, taken)
        try:
            content = have[url] if url in have else (yield from download(url)).content
        except DotError as error:
            if error.retryable:
                raise
            yield from progress(f"Left out {name}: {error}")
            continue
        if name.endswith(".csv") and _FORMULA.search(content):
            yield from progress(f"{name} has texts that begin with =, +, - or @: a spreadsheet runs them as formulas.")
        if url in charts:
            pictures[charts[url]] = content
        collected.append(CollectedFile(name, content))
    try:
        page = answer_html(answer_markdown(answer, pictures), answer.question)
    except ImportError:
        yield from progress("Left out answer.html, which needs markdown-it-py: pip install 'dot-provider[html]'.")
    else:
        collected.append(CollectedFile("answer.html", page.encode()))
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


def folder_name(key: str) -> str:
    """Return the name of a folder for what ``key`` names, such as a run or a partition: another one for every key."""
    name = quote(key, safe="", errors="surrogatepass")
    if not name.strip("."):
        return name.replace(".", "%2E")
    return name if len(name) <= 255 else f"{name[:160]}~{sha256(name.encode()).hexdigest()[:32]}"


def _unused(name: str, taken: set[str]) -> str:
    stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
    number = 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}{dot}{ending}"
    taken.add(name.lower())
    return name


_FOR_GOOD = (ImportError, ValueError, PermissionError, FileNotFoundError, FileExistsError, NotADirectoryError)
"""What a storage says where waiting does not help."""

_PROBE = ".dot-write-check"

MAX_PICTURES = 4
MAX_PICTURE_BYTES = 256 * 1024
"""What of an answer's charts is kept where nobody asked for files."""


def open_path(path: Any, field: str, open_url: Callable[[str], Any]) -> Any:
    """Return ``path`` as an object that reads and writes like ``pathlib.Path``; its storage is reached later.

    Args:
        path: local path, URL of a storage, or such an object.
        field: name of the argument, for errors.
        open_url: makes such an object of a URL.

    Raises:
        DotUsageError: it is empty or no path, or what its storage needs is not installed.
        DotTransientError: its storage cannot be reached now.
    """
    if isinstance(path, str | PathLike):
        text = fspath(path).strip()
        if not text:
            raise DotUsageError(f"{field} is empty: give a local path or a URL such as s3://bucket/key.")
        if "://" not in text:
            return Path(text)
    elif path is None or not hasattr(path, "read_text"):
        raise DotUsageError(f"{field} must be a path, not {type(path).__name__}.")
    try:
        opened = open_url(text) if isinstance(path, str | PathLike) else path
        getattr(opened, "fs", None)  # looks for the storage's package
    except Exception as error:
        raise _kind(error)(f"{field} {shown_path(path)} cannot be opened: {_said(error)}") from error
    return opened


def fetch_files(shown: Iterable[AnswerTable | AnswerChart]) -> Flow[dict[str, bytes]]:
    """Return the files of tables and charts by their links, each downloaded once.

    One that cannot be had is left out and told: the answer is paid for, and its preview may do.
    """
    files: dict[str, bytes] = {}
    for one in shown:
        link = one.csv_url if isinstance(one, AnswerTable) else one.png_url
        try:
            if link and link not in files:
                files[link] = (yield from download(link)).content
        except DotError as error:
            yield from progress(f"{one.key} is not shown, because it could not be downloaded: {error}")
    return files


def chart_pictures(answers: Sequence[Answer]) -> Flow[dict[str, str]]:
    """Return the first ``MAX_PICTURES`` charts as base64 of their PNG, by key; what is no small PNG is left out."""
    charts = [chart for answer in answers for chart in answer.charts][:MAX_PICTURES]
    files = yield from fetch_files(charts)
    pictures: dict[str, str] = {}
    for chart in charts:
        png = files.get(chart.png_url, b"")
        if png.startswith(b"\x89PNG\r\n") and len(png) <= MAX_PICTURE_BYTES:
            pictures[chart.key] = base64.b64encode(png).decode()
        elif png:
            yield from progress(f"Left out the picture of chart {chart.key}, which is no small PNG.")
    return pictures


def check_writable(folder: Any, field: str) -> None:
    """Make ``folder`` and write a small file into it, before an answer is paid for that could not be saved there.

    Raises:
        DotUsageError: it cannot be written to.
        DotTransientError: not now.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _PROBE).write_bytes(b"")
    except Exception as error:
        raise _kind(error)(f"{field} {shown_path(folder)} cannot be written to: {_said(error)}") from error
    with suppress(Exception):  # whoever may write may not be allowed to remove
        (folder / _PROBE).unlink()


def save_answers(
    dot: DotClient, answers: Sequence[Answer], folder: Any, have: Mapping[str, bytes] = MappingProxyType({})
) -> list[str]:
    """Write the files of an answer into ``folder``, and those of its follow-ups into folders of their own in it.

    What was downloaded before, ``have`` holds by its link.

    Returns:
        The paths of all files.

    Raises:
        DotTransientError: a file could not be written; the answers are not lost, because a retry finds them in Dot.
        DotError: a file could not be downloaded now.
    """
    saved = list[str]()
    for number, answer in enumerate(answers):
        here = folder / f"follow_up_{number}" if number else folder
        for file in dot.run(collect_files(answer, have)):
            try:
                here.mkdir(parents=True, exist_ok=True)
                (here / file.name).write_bytes(file.content)
            except Exception as error:
                failed = DotTransientError(
                    f"The answer was not saved to {shown_path(here)}: {_said(error)} It stands in {answer.url}. A "
                    "retry saves it, and does not ask again."
                )
                failed.chat_url = answer.url
                raise failed from error
            saved.append(shown_path(here / file.name))
    return saved


def shown_path(path: Any) -> str:
    """Return ``path`` as it may be shown: without the password that a URL can hold."""
    return re.sub(r"://([^/@:]*):[^/@]*@", r"://\1:***@", str(path))


def _kind(error: Exception) -> type[DotError]:
    return DotUsageError if isinstance(error, _FOR_GOOD) else DotTransientError


def _said(error: Exception) -> str:
    words = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
    return f"{words}." if isinstance(error, ImportError | ValueError) else f"{type(error).__name__}: {words}."
