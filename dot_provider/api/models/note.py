"""Notes: the written knowledge that Dot reads before it answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from dot_provider.api.models.records import Record, text_of


@dataclass(frozen=True)
class Note:
    """A note of the workspace. ``id`` is empty for the single note of an older Dot."""

    id: str
    title: str = ""
    markdown: str = field(default="", repr=False)
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Note:
        """Read a note from ``/org_notes``."""
        return cls(text_of(record, "id"), text_of(record, "title"), text_of(record, "note"), record)


@dataclass(frozen=True)
class Organization:
    """The workspace of an older Dot, which has a single ``note``."""

    id: str
    note: str = field(default="", repr=False)
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Organization:
        """Read the workspace from ``/org``.

        Raises:
            KeyError: there is no ``id``, which saving the note needs.
        """
        org_id = text_of(record, "id", "org_id")
        if not org_id:
            raise KeyError("id")
        return cls(org_id, text_of(record, "note"), record)
