"""What a workspace holds: connections, tables, external assets and capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dot_provider.api.models.connection import Connection, Table
from dot_provider.api.models.records import Record, count_of, list_of, record_of, text_of


@dataclass(frozen=True)
class Catalog:
    """The catalog, as ``GET /cli/catalog`` shows it. ``external_assets`` counts assets by type."""

    org_id: str
    capabilities: tuple[str, ...] = ()
    connections: tuple[Connection, ...] = ()
    tables: tuple[Table, ...] = ()
    external_assets: Mapping[str, int] = field(default_factory=dict)
    total_tables: int = 0
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Catalog:
        """Read the catalog; every part may be missing."""
        tables = tuple(Table.from_record(t) for t in _records(record, "tables"))
        assets = record_of(record, "external_assets")
        return cls(
            org_id=text_of(record, "org_id"),
            capabilities=tuple(str(c) for c in list_of(record, "capabilities")),
            connections=tuple(Connection.from_record(c) for c in _records(record, "connections")),
            tables=tables,
            external_assets={kind: count_of(assets, kind) for kind in assets},
            total_tables=count_of(record, "total_tables") or len(tables),
            raw=record,
        )


def _records(record: Record, name: str) -> list[Record]:
    return [value for value in list_of(record, name) if isinstance(value, Mapping)]
