"""Bytes in and out: what a transport is given, what it gives back, and how a body is read within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from dot_provider.api.errors import DotProtocolError


@dataclass(frozen=True)
class Request:
    """One HTTP request. Its headers and URL may hold credentials, so neither is shown."""

    name: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout: float
    max_body_bytes: int
    sink: BinaryIO | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Response:
    """One HTTP response, read completely; ``headers`` has lower-case names, ``body`` is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type without parameters, or "no content type"."""
        return self.headers.get("content-type", "").partition(";")[0].strip() or "no content type"


class Body:
    """Collects a response body as it arrives: decompresses gzip in bounded steps and stops at a size cap.

    HTTP libraries decompress a whole network chunk at once, so that 300 kB can become 300 MB before any cap is looked
    at. Both transports hand us the bytes as they came instead.
    """

    def __init__(self, request: Request, status: int, headers: Mapping[str, str]) -> None:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "x-gzip"):
            raise DotProtocolError(f"{request.name}: Dot answered in an encoding we did not ask for: {encoding[:40]}.")
        self._request = request
        self._inflate = zlib.decompressobj(31) if "gzip" in encoding else None
        self._sink = request.sink if 200 <= status < 300 else None
        # An error page that would fill a disk is of no use to anyone.
        self._limit = request.max_body_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._started = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes from the network.

        Raises:
            DotProtocolError: the body is larger than the cap, or is no valid gzip.
        """
        self._started = self._started or bool(chunk)
        if self._inflate is None:
            self._keep(chunk)
            return
        pending = chunk
        while pending and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(pending, 1 << 16)
            except zlib.error:
                message = f"{self._request.name}: the response is no valid gzip; a proxy may have damaged it."
                raise DotProtocolError(message, retryable=True) from None
            self._keep(piece)
            pending = self._inflate.unconsumed_tail

    def finish(self) -> bytes:
        """Return the whole body, or empty bytes where it went to a sink.

        Raises:
            DotProtocolError: a gzip body ended before its end.
        """
        if self._inflate is not None:
            self._keep(self._inflate.flush())
        if self._inflate is not None and self._started and not self._inflate.eof:
            raise DotProtocolError(f"{self._request.name}: the response was cut off.", retryable=True)
        return b"".join(self._parts)

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            limit = self._limit // (1024 * 1024)
            raise DotProtocolError(f"{self._request.name}: the response is larger than {limit} MiB, so it was refused.")
        if self._sink is not None:
            self._sink.write(piece)
        else:
            self._parts.append(piece)
