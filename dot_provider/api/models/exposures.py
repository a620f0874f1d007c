"""Dot's dashboards as dbt exposures."""

from __future__ import annotations

from dataclasses import dataclass, field

from dot_provider.api.models.records import Record


@dataclass(frozen=True)
class DbtExposures:
    """What ``GET /dbt/exposures`` returns: exposures as records, and the apps that rest on no dbt model."""

    exposures: tuple[Record, ...] = ()
    apps_without_dbt_models: tuple[Record, ...] = ()
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> DbtExposures:
        """Read the JSON form."""
        return cls(
            tuple(e for e in record.get("exposures") or [] if isinstance(e, dict)),
            tuple(a for a in record.get("apps_without_dbt_models") or [] if isinstance(a, dict)),
            record,
        )
