"""Users, roles, groups and invitations, who the token belongs to, and logging in. Most of it needs an admin's token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dot_provider.api._core.call import Call
from dot_provider.api._core.login import UserToken
from dot_provider.api.arguments import api_path, checked_email, checked_text
from dot_provider.api.errors import DotUsageError, brief
from dot_provider.api.records import Record, Reply, each, list_of, text_of

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


def _names(entries: list[Any], *fields: str) -> tuple[str, ...]:
    return tuple(text_of(entry, *fields) if isinstance(entry, dict) else str(entry) for entry in entries)


def whoami() -> Call[User]:
    """Return the user that the token belongs to, with e-mail and role. ``GET /auth/me``."""
    return Call("whoami", "GET", api_path("auth", "me"), User.from_record)


def healthcheck() -> Call[Reply]:
    """Return what Dot says of its health; needs no token. ``GET /healthcheck``."""
    return Call("healthcheck", "GET", api_path("healthcheck"), Reply, auth="none")


def embedded_user_login(user_id: str) -> Call[UserToken]:
    """Return a token for another user, valid for 24 hours; treat it as a secret.

    ``POST /auth/embedded_user_login``. An admin must have switched on "Allow admins to authenticate for users" in Dot.
    """
    return Call(
        "embedded user login",
        "POST",
        api_path("auth", "embedded_user_login"),
        UserToken.from_document,
        body={"user_id": checked_text("user_id", user_id)},
    )


def users() -> Call[list[User]]:
    """List the users. ``GET /get_users``."""
    return Call("list users", "GET", api_path("get_users"), each(User.from_record, "users"))


def groups() -> Call[list[Group]]:
    """List the groups. ``GET /get_groups``."""
    return Call("list groups", "GET", api_path("get_groups"), _read_groups)


def send_invitations(emails: Sequence[str]) -> Call[Reply]:
    """Invite people by e-mail. ``POST /send_invitations``; not repeatable, since each call sends mails."""
    if isinstance(emails, str) or not emails:
        raise DotUsageError("emails must be a list with at least one e-mail address.")
    return _post("send invitations", "send_invitations", {"emails": [checked_email(e) for e in emails]}, False)


def create_user(email: str, password: str, realname: str) -> Call[Reply]:
    """Create a user with a password. ``POST /create_user``."""
    body = {
        "email": checked_email(email),
        "password": checked_text("password", password),
        "realname": checked_text("realname", realname),
    }
    return _post(f"create user {body['email']}", "create_user", body, False)


def delete_user(email: str) -> Call[Reply]:
    """Delete a user. ``POST /delete_user``."""
    body = {"email": checked_email(email)}
    return _post(f"delete user {body['email']}", "delete_user", body)


def change_user_role(email: str, role: str) -> Call[Reply]:
    """Give a user another role: admin, modeler or user. ``POST /change_user_role``."""
    if role not in ROLES:
        raise DotUsageError(f"role must be one of {', '.join(ROLES)}, not {brief(role)}.")
    body = {"email": checked_email(email), "role": role}
    return _post(f"change role of {body['email']}", "change_user_role", body)


def add_user_to_group(email: str, group: str) -> Call[Reply]:
    """Add a user to a group. ``POST /add_user_to_group``."""
    body = {"email": checked_email(email), "group": checked_text("group", group)}
    return _post(f"add {body['email']} to group {group!r}", "add_user_to_group", body)


def remove_user_from_group(email: str, group: str) -> Call[Reply]:
    """Remove a user from a group. ``POST /remove_user_from_group``."""
    body = {"email": checked_email(email), "group": checked_text("group", group)}
    return _post(f"remove {body['email']} from group {group!r}", "remove_user_from_group", body)


def _post(name: str, endpoint: str, body: Record, repeatable: bool = True) -> Call[Reply]:
    return Call(name, "POST", api_path(endpoint), Reply, repeatable=repeatable, body=body)


def _read_groups(document: Any) -> list[Group]:
    if isinstance(document, list) and all(isinstance(g, str) for g in document):
        return [Group(g) for g in document]
    return each(Group.from_record, "groups")(document)
