"""What environments version: external assets and notes, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]


@dataclass
class Content:
    """External assets and notes, each by id; ``org_note`` is the single note of older servers."""

    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    org_note: str = ""

    def copy(self) -> Content:
        """Return an independent copy; the items themselves are replaced on change, never edited."""
        return Content(dict(self.assets), dict(self.notes), self.org_note)

    def items(self) -> dict[Key, Any]:
        """Every item by kind and id."""
        found: dict[Key, Any] = {("external_asset", id_): asset for id_, asset in self.assets.items()}
        found.update({("note", id_): note for id_, note in self.notes.items()})
        if self.org_note:
            found["org_note", "org_note"] = self.org_note
        return found

    def apply(self, changes: Mapping[Key, Any]) -> None:
        """Take over changed items; None removes one."""
        for (kind, id_), value in changes.items():
            if kind == "org_note":
                self.org_note = value or ""
                continue
            items: dict[str, Any] = self.assets if kind == "external_asset" else self.notes
            if value is None:
                items.pop(id_, None)
            else:
                items[id_] = value


@dataclass
class Environment:
    """A copy of production to change things in, and what production was when it was made."""

    id: str
    name: str
    content: Content
    base: Content
    targets: dict[str, Any] = field(default_factory=dict)
    status: str = "open"

    def as_json(self) -> dict[str, Any]:
        """The environment as the API shows it."""
        changed = len(changes(self.base, self.content))
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "targets": self.targets,
            "changes": changed,
        }


def changes(before: Content, after: Content) -> dict[Key, Any]:
    """Return the items that differ, with their new value; None for those that are gone."""
    old, new = before.items(), after.items()
    changed: dict[Key, Any] = {key: value for key, value in new.items() if old.get(key) != value}
    changed.update({key: None for key in old if key not in new})
    return changed


def conflicts(environment: Environment, production: Content) -> list[Key]:
    """Return the items that changed differently in an environment and in production since it was made."""
    here = changes(environment.base, environment.content)
    there = changes(environment.base, production)
    return sorted(key for key in here.keys() & there.keys() if here[key] != there[key])
