"""A file that Dot hands out: a table as CSV, a chart as PNG, or a file of an answer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Download:
    """Bytes and media type of a file; ``location`` where the server pointed elsewhere instead."""

    content: bytes = field(repr=False)
    content_type: str
    location: str | None = None
