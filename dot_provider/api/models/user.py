"""The people and groups of a Dot workspace."""

from __future__ import annotations

from dataclasses import dataclass, field

from dot_provider.api.models.records import Record, text_of

ROLES = ("admin", "modeler", "user")
"""Dot's roles, highest first."""


@dataclass(frozen=True)
class User:
    """A user of Dot. ``role`` is admin, modeler or user; ``groups`` holds names; absent facts are empty."""

    email: str
    name: str = ""
    role: str = ""
    org_id: str = ""
    groups: tuple[str, ...] = ()
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> User:
        """Read a user from ``/auth/me`` or ``/get_users``."""
        groups = record.get("groups") or record.get("group_names") or []
        return cls(
            email=text_of(record, "email", "user_id", "id", "sub"),
            name=text_of(record, "realname", "name", "full_name"),
            role=text_of(record, "role") or ("admin" if record.get("is_admin") else ""),
            org_id=text_of(record, "org_id", "organization", "org"),
            groups=tuple(text_of(g, "name", "id") if isinstance(g, dict) else str(g) for g in groups),
            raw=record,
        )


@dataclass(frozen=True)
class Group:
    """A group of users; ``members`` holds e-mail addresses where Dot lists them."""

    name: str
    members: tuple[str, ...] = ()
    raw: Record = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_record(cls, record: Record) -> Group:
        """Read a group from ``/get_groups``."""
        members = record.get("members") or record.get("users") or []
        return cls(
            name=text_of(record, "name", "group", "id"),
            members=tuple(text_of(m, "email", "user_id", "id") if isinstance(m, dict) else str(m) for m in members),
            raw=record,
        )
