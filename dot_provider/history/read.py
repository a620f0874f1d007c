"""The records of ``GET /export_history``, one at a time, whatever the document looks like and however big it is.

The shape of the export is not documented. A list of records is read as such, and so is an object that wraps one under
any key (``{"conversations": [...]}``, ``{"data": {"history": [...]}}``). Nothing is held beyond the record at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from dot_provider.api.errors import DotProtocolError, DotUsageError
from dot_provider.history.text import repair_escapes

CHUNK_BYTES = 1 << 16

_HEAD_BYTES = 1 << 22
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


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
        return _parse(iter([bytes(source)]))
    if hasattr(source, "read"):
        return _parse(iter(lambda: source.read(CHUNK_BYTES), b""))
    if isinstance(source, Mapping):
        return iter(_wrapped_list(source))
    if isinstance(source, str) or not isinstance(source, Iterable):
        raise DotUsageError(
            f"History is read from records, bytes or an open binary file, not from {type(source).__name__}."
        )
    items = iter(source)
    for first in items:
        everything = chain([first], items)
        return _parse(everything) if isinstance(first, (bytes, bytearray)) else everything
    return iter(())


def _wrapped_list(document: Mapping[str, Any]) -> Sequence[Any]:
    inner = [v for v in document.values() if isinstance(v, Mapping)]
    for level in (document, *inner):
        lists = [v for v in level.values() if isinstance(v, list)]
        if lists:
            return next((v for v in lists if v and isinstance(v[0], Mapping)), lists[0])
    raise _no_list(document)


def _parse(chunks: Iterator[bytes]) -> Iterator[Any]:
    """Yield the records of a JSON document that arrives in pieces."""
    import ijson

    records: Any = ijson.sendable_list()
    parser: Any = None
    head = b""
    for chunk in repair_escapes(chunks):
        if parser is None:
            head = (head + chunk).removeprefix(_BYTE_ORDER_MARK)
            prefix = _find_list(head)
            if prefix is None:
                continue
            parser = ijson.items_coro(records, prefix)
            chunk = head
        _feed(parser, chunk)
        yield from records
        records.clear()
    if parser is None:
        yield from _small_document(head)
        return
    _feed(parser, None)
    yield from records


def _find_list(head: bytes) -> str | None:
    """Return where the records are, as ijson names it, or None when the document's beginning does not tell yet."""
    import ijson

    events: Any = ijson.sendable_list()
    parser = ijson.parse_coro(events)
    _feed(parser, head)
    for prefix, event, _ in events:
        if prefix == "" and event == "start_array":
            return "item"
        depth = prefix.count(".")
        if event == "start_map" and prefix.endswith(".item") and depth <= 2:
            return str(prefix)
    if len(head) > _HEAD_BYTES:
        raise DotProtocolError("The export of Dot's history starts with no list of conversations.")
    return None


def _small_document(head: bytes) -> Sequence[Any]:
    """Read a document in which no list with records appeared: an empty list, or no export at all."""
    import ijson

    events: Any = ijson.sendable_list()
    parser = ijson.items_coro(events, "")
    _feed(parser, head)
    _feed(parser, None)
    document = events[0]
    if isinstance(document, Mapping):
        return _wrapped_list(document)
    raise _no_list(document)


def _feed(parser: Any, chunk: bytes | None) -> None:
    """Send a piece of the document to the parser, or None for its end; one error for all that can be wrong with it."""
    import ijson

    try:
        if chunk is None:
            parser.close()
        else:
            parser.send(chunk)
    except (ijson.JSONError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split("\n")[0].split())[:80]
    else:
        return
    raise DotProtocolError(
        f"The export of Dot's history is cut or no JSON ({reason}); nothing was loaded.", retryable=True
    )


def _no_list(document: Any) -> DotProtocolError:
    found = type(document).__name__
    if isinstance(document, Mapping):
        found = "an object with the keys " + (", ".join(str(key)[:40] for key in list(document)[:8]) or "(none)")
    return DotProtocolError(f"The export of Dot's history holds no list of conversations, but {found}.")
