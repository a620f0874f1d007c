"""Bytes in and out: what a transport is given, what it gives back, and how a body is read within bounds."""

from __future__ import annotations

import zlib
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from dot_provider.api.errors import DotProtocolError, DotUsageError

_GZIP = 31
_STEP = 1 << 16
_HEAD = 1 << 18  # bytes that are kept of an error page, or in memory of a body that goes to a sink
_UNSUSPICIOUS = 4 << 20
_LARGEST_RATIO = 500  # JSON that repeats itself reaches 230, a gzip bomb 1029


@dataclass(frozen=True)
class Request:
    """One HTTP request. Its headers and URL may hold credentials, so neither is shown.

    ``dot_host`` is Dot's own host where the request goes elsewhere, and is empty otherwise.
    """

    name: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout: float
    max_body_bytes: int
    sink: BinaryIO | None = field(default=None, repr=False)
    dot_host: str = ""

    def rewind_sink(self) -> None:
        """Empty the sink, so that nothing of an earlier attempt stays in it."""
        if self.sink is not None:
            self.sink.seek(0)
            self.sink.truncate()


@dataclass(frozen=True)
class Download:
    """Bytes and media type of a file; ``location`` where the server pointed elsewhere instead."""

    content: bytes = field(repr=False)
    content_type: str
    location: str | None = None


@dataclass(frozen=True)
class Response:
    """One HTTP response, read completely; ``headers`` has lower-case names, ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_page(self) -> bool:
        """Whether the body is a web page, whatever the content type says."""
        return self.body[:_STEP].removeprefix(BOM_UTF8).lstrip().startswith(b"<")

    @property
    def content_type(self) -> str:
        """The media type without parameters, or "no content type"."""
        return self.headers.get("content-type", "").partition(";")[0].strip() or "no content type"


class Body:
    """Collects a response body as it arrives: decompresses gzip in bounded steps and stops at a size cap.

    HTTP libraries decompress a whole network chunk at once, so that 300 kB can become 300 MB before any cap is looked
    at. Both transports hand us the bytes as they came instead.

    Of a response that is no success only the beginning is kept, and none of it where it cannot be decompressed: its
    status says what matters, and must not be hidden by a second failure.
    """

    def __init__(self, request: Request, status: int, headers: Mapping[str, str]) -> None:
        encoding = headers.get("content-encoding", "").strip().lower() or "identity"
        self._request = request
        self._failed = not 200 <= status < 300
        self._sink = None if self._failed else request.sink
        self._inflate = zlib.decompressobj(_GZIP) if encoding in ("gzip", "x-gzip") else None
        self._ignored = False
        self._head = bytearray()
        self._received = self._size = 0
        if self._inflate is None and encoding != "identity":
            self._refuse(f"Dot answered in an encoding we did not ask for: {encoding[:40]}.")

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes from the network.

        Raises:
            DotProtocolError: the body is larger than the cap, or is no valid gzip.
        """
        self._received += len(chunk)
        if self._inflate is None:
            self._keep(chunk)
        else:
            self._unpack(self._inflate, chunk)

    def finish(self) -> bytes:
        """Return the whole body; its beginning where it went to a sink, or where the response is no success.

        Raises:
            DotProtocolError: the body, or the headers before it, ended too early.
        """
        if self._inflate is not None and self._received and not (self._inflate.eof or self._ignored):
            self._refuse("the response was cut off.", retryable=True)
        return bytes(self._head)

    def _unpack(self, inflate: zlib._Decompress, chunk: bytes) -> None:
        pending = chunk
        while pending and not self._ignored:
            if inflate.eof and not pending.startswith(b"\x1f"):
                return None  # padding behind the end
            if inflate.eof:  # gzip allows several members, one behind the other
                self._inflate = inflate = zlib.decompressobj(_GZIP)
            try:
                piece = inflate.decompress(pending, _STEP)
            except zlib.error:
                return self._refuse("the response is no valid gzip; a proxy may have damaged it.", retryable=True)
            self._keep(piece)
            unpacked = self._received - len(inflate.unconsumed_tail)
            if self._size > _UNSUSPICIOUS and self._size > _LARGEST_RATIO * unpacked:
                return self._refuse(f"the response unpacks to more than {_LARGEST_RATIO} times its size.")
            pending = inflate.unconsumed_tail or inflate.unused_data
        return None

    def _keep(self, piece: bytes) -> None:
        if self._ignored:
            return
        self._size += len(piece)
        if self._failed:
            self._ignored = self._size > _HEAD
        elif self._size > self._request.max_body_bytes:
            limit = self._request.max_body_bytes / (1024 * 1024)
            self._refuse(f"the response is larger than {limit:g} MiB: ask for less, such as fewer days.")
        if self._sink is not None:
            self._write(self._sink, piece)
        only_head = self._failed or self._sink is not None
        self._head += piece[: max(0, _HEAD - len(self._head))] if only_head else piece

    def _refuse(self, why: str, *, retryable: bool = False) -> None:
        if not self._failed:
            raise DotProtocolError(f"{self._request.name}: {why}", retryable=retryable)
        self._ignored, self._head = True, bytearray()

    def _write(self, sink: BinaryIO, piece: bytes) -> None:
        try:
            sink.write(piece)
        except OSError as exc:  # a full disk is no broken connection, and trying again does not mend it
            why = exc.strerror or type(exc).__name__
            raise DotUsageError(f"{self._request.name}: the file for the response cannot be written: {why}.") from None
