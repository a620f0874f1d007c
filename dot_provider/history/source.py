"""What a history is loaded from, as a file that can be read twice."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from dot_provider.api.errors import DotUsageError

HistorySource = Iterable[Any] | BinaryIO


@contextmanager
def opened(source: HistorySource) -> Iterator[BinaryIO]:
    """Give the document of an export as a file.

    Args:
        source: The document as bytes, as an open binary file or in pieces of bytes; or records already parsed, or the
            parsed document itself.

    Raises:
        DotUsageError: ``source`` is a string or nothing that can be read.
    """
    if isinstance(source, (bytes, bytearray)):
        yield io.BytesIO(source)
    elif isinstance(source, io.IOBase) and source.seekable():
        yield source  # type: ignore[misc]
    elif isinstance(source, str) or not isinstance(source, Iterable):
        raise DotUsageError(
            f"History is read from records, bytes or an open binary file, not from {type(source).__name__}."
        )
    else:
        with tempfile.TemporaryFile() as document:
            document.writelines([_json(source)] if isinstance(source, Mapping) else _pieces(source))
            document.seek(0)
            yield document


def _pieces(source: Iterable[Any]) -> Iterator[bytes]:
    items = iter(source)
    first = next(items, None)
    if isinstance(first, (bytes, bytearray)):
        yield bytes(first)
        yield from items
        return
    yield b"["
    if first is not None:
        yield _json(first)
    for item in items:
        yield b"," + _json(item)
    yield b"]"


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), default=str).encode()
    except (RecursionError, TypeError, ValueError):
        return b'"nested too deeply, or with keys that are no JSON"'  # a record that the stage rejects
