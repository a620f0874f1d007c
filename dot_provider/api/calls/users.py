"""Users, roles, groups and invitations. All of them need an admin's token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dot_provider.api.call import Call
from dot_provider.api.calls.arguments import checked_email, checked_text
from dot_provider.api.errors import DotUsageError, brief
from dot_provider.api.models.records import Record, records_in
from dot_provider.api.models.reply import Reply
from dot_provider.api.models.user import ROLES, Group, User
from dot_provider.api.paths import api_path


def users() -> Call[list[User]]:
    """List the users. ``GET /get_users``."""
    return Call(
        "list users",
        "GET",
        api_path("get_users"),
        lambda document: [User.from_record(r) for r in records_in(document, "users")],
    )


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
    return [Group.from_record(r) for r in records_in(document, "groups")]
