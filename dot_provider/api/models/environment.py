"""Dot's environments: drafts of the model beside production."""

from __future__ import annotations

from dataclasses import dataclass, field

from dot_provider.api.models.records import Record, text_of


@dataclass(frozen=True)
class Environment:
    """An environment, as ``GET /environments`` lists it."""

    id: str
    name: str = ""
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Environment:
        """Read an environment."""
        return cls(text_of(record, "id", "environment_id"), text_of(record, "name", "title"), record)
