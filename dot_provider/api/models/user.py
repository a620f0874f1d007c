"""The people and groups of a Dot workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dot_provider.api.models.records import Record, list_of, text_of

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
        return cls(
            email=text_of(record, "email", "user_id", "id", "sub"),
            name=text_of(record, "realname", "name", "full_name"),
            role=text_of(record, "role") or ("admin" if record.get("is_admin") else ""),
            org_id=text_of(record, "org_id", "organization", "org"),
            groups=_names(list_of(record, "groups", "group_names"), "name", "id"),
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
        return cls(
            name=text_of(record, "name", "group", "id"),
            members=_names(list_of(record, "members", "users"), "email", "user_id", "id"),
            raw=record,
        )


@dataclass(frozen=True)
class UserToken:
    """A token that acts as one user for 24 hours. It is a secret, so neither it nor ``raw`` is shown."""

    token: str = field(repr=False)
    raw: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def from_document(cls, document: Any) -> UserToken:
        """Read a token from an object or a bare string.

        Raises:
            KeyError: there is none that an HTTP header can carry.
        """
        found = text_of(document, "access_token", "token", "api_token") if isinstance(document, dict) else document
        if not isinstance(found, str) or not found or not all(33 <= ord(c) <= 126 for c in found):
            raise KeyError("access_token")
        return cls(found, document)


def _names(entries: list[Any], *fields: str) -> tuple[str, ...]:
    return tuple(text_of(entry, *fields) if isinstance(entry, dict) else str(entry) for entry in entries)
