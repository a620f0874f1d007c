"""The catalog of a workspace, as the official CLI reads it."""

from __future__ import annotations

from dot_provider.api.call import Call
from dot_provider.api.models.catalog import Catalog
from dot_provider.api.paths import api_path


def catalog() -> Call[Catalog]:
    """Return connections, tables and counts of external assets. ``GET /cli/catalog``."""
    return Call("read catalog", "GET", api_path("cli", "catalog"), Catalog.from_record)
