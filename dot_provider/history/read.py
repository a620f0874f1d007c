"""The records of an export of Dot's history, from whatever it is given as, one at a time."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol

from dot_provider.api.errors import DotUsageError
from dot_provider.api.history import CHUNK_BYTES, exported_records, stream_records


class ReadableBytes(Protocol):
    """A file or response opened in binary mode."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""
        ...


HistorySource = Iterable[Any] | ReadableBytes


def read_records(source: HistorySource) -> Iterator[Any]:
    """Yield the records of an export in their order.

    Args:
        source: The document as bytes, an iterable of bytes or an object with ``read``; or an iterable of records
            already parsed; or the parsed document itself.

    Raises:
        DotProtocolError: The document is cut, is no JSON, or holds no list of records. Records yielded before must
            not be used.
        DotUsageError: ``source`` is a string or nothing that can be read.
    """
    if isinstance(source, (bytes, bytearray)):
        return stream_records(io.BytesIO(source))
    if isinstance(source, io.IOBase) and source.seekable():
        return stream_records(source)  # type: ignore[arg-type]
    if hasattr(source, "read"):
        return _stream(iter(lambda: source.read(CHUNK_BYTES), b""))
    if isinstance(source, Mapping):
        return iter(exported_records(source))
    if isinstance(source, str) or not isinstance(source, Iterable):
        raise DotUsageError(
            f"History is read from records, bytes or an open binary file, not from {type(source).__name__}."
        )
    items = iter(source)
    for first in items:
        everything = chain([first], items)
        return _stream(everything) if isinstance(first, (bytes, bytearray)) else everything
    return iter(())


def _stream(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Yield the records of a document that can be read only once, by way of a file."""
    with tempfile.TemporaryFile() as document:
        document.writelines(chunks)
        document.seek(0)
        yield from stream_records(document)
