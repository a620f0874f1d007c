"""Dot's dashboards as dbt exposures."""

from __future__ import annotations

from dataclasses import dataclass, field

from dot_provider.api.models.records import Record, list_of


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
            tuple(e for e in list_of(record, "exposures") if isinstance(e, dict)),
            tuple(a for a in list_of(record, "apps_without_dbt_models") if isinstance(a, dict)),
            record,
        )
