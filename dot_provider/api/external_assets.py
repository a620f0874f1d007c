"""External assets: what one is; import, list, delete."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api.arguments import api_path, checked_day, checked_line, checked_moment
from dot_provider.api.errors import DotUsageError, brief
from dot_provider.api.records import Record, Reply, each, text_of

WEB = ("https://", "http://")


@dataclass(frozen=True)
class ExternalAsset:
    """A dashboard or other asset, as ``POST /import_and_overwrite_external_asset`` takes it.

    Attributes:
        id: stable id of the asset in its tool; a second import with the same id overwrites.
        subtype: kind of asset, such as ``looker_dashboard`` or ``dbt_dashboard``.
        folder: where it lies in its tool.
        name: title that people know it by.
        description: what it shows.
        url: where a person opens it.
        active: False hides it from Dot's answers.
        view_count: how often it was viewed, 0 when unknown.
        last_accessed_at: ISO time of the last view.
        dot_description: markdown for Dot alone, for example a rendering of every chart.

    Raises:
        DotUsageError: a field is missing or has the wrong type; the message names asset and field.
    """

    id: str
    subtype: str
    folder: str = ""
    name: str = ""
    description: str = ""
    url: str = ""
    active: bool = True
    view_count: int = 0
    last_accessed_at: str | None = None
    dot_description: str | None = None

    def __post_init__(self) -> None:
        label = f"External asset {brief(self.id)}" if self.id not in (None, "") else "An external asset"
        for name in ("id", "subtype"):
            value = checked_line(f"{label}: {name}", getattr(self, name))
            if value != value.strip() or any(unicodedata.category(sign) == "Cf" for sign in value):
                raise DotUsageError(f"{label}: {name} begins or ends with a space, or holds a sign that nobody sees.")
        for name in ("folder", "name", "description", "url"):
            if not isinstance(getattr(self, name), str):
                raise DotUsageError(f"{label}: {name} must be text, not {type(getattr(self, name)).__name__}.")
        if not isinstance(self.active, bool):
            raise DotUsageError(f"{label}: active must be true or false, not {brief(self.active)}.")
        if isinstance(self.view_count, bool) or not isinstance(self.view_count, int) or self.view_count < 0:
            raise DotUsageError(
                f"{label}: view_count must be a whole number of at least 0, not {brief(self.view_count)}."
            )
        for name in ("last_accessed_at", "dot_description"):
            if not isinstance(getattr(self, name), str | None):
                raise DotUsageError(f"{label}: {name} must be text, not {type(getattr(self, name)).__name__}.")
        if self.url and not self.url.startswith(WEB):
            raise DotUsageError(f"{label}: url must begin with https:// or http://, not {brief(self.url)}.")
        if (last := self.last_accessed_at) is not None:
            (checked_day if len(last.strip()) <= len("YYYY-MM-DD") else checked_moment)(
                f"{label}: last_accessed_at", last
            )

    @classmethod
    def from_record(cls, record: Any, *, position: int | None = None) -> ExternalAsset:
        """Build an asset from a row of a file or an XCom; ``position`` (from 0) names the row in errors.

        Empty cells (also pandas' NaN) are taken as absent, dates as ISO text, and a whole number or a yes/no written as
        text as what it says, because CSV knows only text.

        Raises:
            DotUsageError: the row is no mapping, has an unknown field, or a field is wrong.
        """
        row = f"Asset row {position + 1}: " if position is not None else ""
        if isinstance(record, ExternalAsset):
            return record
        if not isinstance(record, Mapping):
            raise DotUsageError(f"{row}an asset must be a mapping of fields, not {type(record).__name__}.")
        unknown = sorted(str(name) for name in record if name not in _FIELDS)
        if unknown:
            raise DotUsageError(f"{row}unknown field {brief(unknown[0])}; an asset has {', '.join(_FIELDS)}.")
        try:
            values = {name: _cell(name, value) for name, value in record.items() if not _is_empty(value)}
        except ValueError:
            raise DotUsageError(f"{row}a number has too many digits.") from None
        missing = next((name for name in ("id", "subtype") if name not in values), None)
        if missing:
            raise DotUsageError(f"{row}{missing} is missing; every asset needs id and subtype.")
        try:
            return cls(**values)
        except DotUsageError as exc:
            raise DotUsageError(f"{row}{exc}") from None

    def to_record(self) -> dict[str, Any]:
        """Return the fields as Dot takes them, without those that are not set."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def is_same_as(self, record: Record) -> bool:
        """Whether Dot's own record of this asset already says all that this one says."""
        return all(name in record and record[name] == value for name, value in self.to_record().items())


@dataclass(frozen=True)
class StoredAsset:
    """An external asset that Dot has, as ``GET /external_assets`` lists it; ``raw`` holds all its fields."""

    id: str
    subtype: str = ""
    folder: str = ""
    active: bool = True
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> StoredAsset:
        """Read an asset; every part may be missing."""
        return cls(
            id=text_of(record, "id", "asset_id"),
            subtype=text_of(record, "subtype"),
            folder=text_of(record, "folder"),
            active=record.get("active") is not False,
            raw=record,
        )

    def hidden(self) -> ExternalAsset:
        """Return the asset as it is imported to hide it: all that Dot knows of it, and ``active`` False.

        Raises:
            DotUsageError: Dot's own record of it cannot be sent back.
        """
        known = {name: value for name, value in self.raw.items() if name in _FIELDS}
        return ExternalAsset.from_record({**known, "id": self.id, "active": False})


_FIELDS = tuple(f.name for f in fields(ExternalAsset))
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and cell != cell)


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if name == "active" and isinstance(value, str):
        return _YES_NO.get(value.strip().lower(), value)
    if name == "view_count" and isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    if name == "view_count" and isinstance(value, float) and value.is_integer():
        return int(value)  # pandas makes a column with gaps one of floats
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def external_assets(records: Iterable[Any]) -> Iterable[ExternalAsset]:
    """Yield assets from rows one by one, so that a list of any length stays out of memory.

    Raises:
        DotUsageError: a row is wrong, or two rows share an id; the message names the row.
    """
    seen: set[str] = set()
    for position, record in enumerate(records):
        asset = ExternalAsset.from_record(record, position=position)
        if asset.id in seen:
            raise DotUsageError(f"Asset row {position + 1}: id {brief(asset.id)} was already used in a row before it.")
        seen.add(asset.id)
        yield asset


def import_external_asset(asset: ExternalAsset | Mapping[str, Any]) -> Call[Reply]:
    """Import one external asset, or overwrite it where Dot has one with its id.

    ``POST /import_and_overwrite_external_asset``. An upsert by id, so a lost response is retried. A mapping with the
    fields of an ``ExternalAsset`` is taken too.
    """
    asset = ExternalAsset.from_record(asset)
    return Call(
        f"import external asset {asset.id}",
        "POST",
        api_path("import_and_overwrite_external_asset"),
        Reply,
        body={"external_asset": asset.to_record()},
        auth="url",
    )


def list_external_assets() -> Call[list[StoredAsset]]:
    """List the external assets that Dot has. ``GET /external_assets``."""
    return Call(
        "list external assets",
        "GET",
        api_path("external_assets"),
        each(StoredAsset.from_record, "external_assets", "assets"),
    )


def delete_external_asset(asset_id: str) -> Call[Reply]:
    """Delete an external asset. ``POST /delete_external_asset?asset_id=``."""
    return Call(
        f"delete external asset {asset_id}",
        "POST",
        api_path("delete_external_asset"),
        Reply,
        query={"asset_id": checked_line("asset_id", asset_id)},
    )
