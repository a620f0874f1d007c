"""Bringing users, roles and groups of a workspace into a desired state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

from dot_provider.api._core.call import Call, Flow, progress, send
from dot_provider.api.arguments import checked_email, checked_flag, checked_texts
from dot_provider.api.errors import DotAuthError, DotError, DotPermissionError, DotProtocolError, DotUsageError, brief
from dot_provider.api.records import Report
from dot_provider.api.users import (
    ROLES,
    Group,
    User,
    add_user_to_group,
    change_user_role,
    delete_user,
    groups,
    remove_user_from_group,
    send_invitations,
    users,
    whoami,
)

Change = Literal["invite", "set role", "add to group", "remove from group", "remove"]
Outcome = Literal["planned", "done", "failed"]

_FIELDS = ("email", "role", "groups")


@dataclass(frozen=True)
class DesiredUser:
    """A person who should be in the workspace.

    ``role`` is admin, modeler or user, or None to leave it as it is; ``groups`` holds names, or None to leave them.
    """

    email: str
    role: str | None = None
    groups: tuple[str, ...] | None = None

    @classmethod
    def from_record(cls, record: Any, position: int) -> DesiredUser:
        """Read one row; ``position`` (from 0) names it in errors.

        Raises:
            DotUsageError: the row is no mapping, has an unknown field, or a field is wrong.
        """
        row = f"User row {position + 1}"
        if isinstance(record, DesiredUser):
            record = vars(record)
        if not isinstance(record, Mapping):
            raise DotUsageError(f"{row} must be a mapping with email, role and groups, not {type(record).__name__}.")
        unknown = sorted(str(name) for name in record if name not in _FIELDS)
        if unknown:
            raise DotUsageError(f"{row}: unknown field {brief(unknown[0])}; a user has {', '.join(_FIELDS)}.")
        email = checked_email(record.get("email"), f"{row}: email").lower()
        role, groups = record.get("role"), record.get("groups")
        if role is not None and (not isinstance(role, str) or role not in ROLES):
            raise DotUsageError(f"{row}: role must be one of {', '.join(ROLES)}, not {brief(role)}.")
        names = None if groups is None else tuple(dict.fromkeys(checked_texts(f"{row}: groups", groups)))
        return cls(email, role, names)


def desired_users(records: Iterable[Any]) -> list[DesiredUser]:
    """Read all rows.

    Raises:
        DotUsageError: a row is wrong, or two rows are of the same person; the message names the row.
    """
    if isinstance(records, str | bytes | Mapping) or not isinstance(records, Iterable):
        raise DotUsageError(f"users must be a list of users, not {type(records).__name__}.")
    found: dict[str, DesiredUser] = {}
    for position, record in enumerate(records):
        user = DesiredUser.from_record(record, position)
        if user.email in found:
            raise DotUsageError(f"User row {position + 1}: {user.email} already stands in a row before it.")
        found[user.email] = user
    return list(found.values())


@dataclass(frozen=True)
class UserChange:
    """One change; ``value`` is the role or group concerned, ``reason`` why it failed."""

    email: str
    change: Change
    value: str = ""
    outcome: Outcome = "planned"
    reason: str = ""
    retryable: bool = False

    @property
    def label(self) -> str:
        """What an error calls the change."""
        return f"{self.change} {self.email}"

    @property
    def text(self) -> str:
        """One line for logs."""
        word = "would" if self.outcome == "planned" else f"{self.outcome}:"
        return f"{word} {self.change} {self.value}".rstrip() + f" ({self.email})"

    def done(self) -> UserChange:
        """Return the change as one that was made."""
        return replace(self, outcome="done")

    def failed(self, error: DotError) -> UserChange:
        """Return the change as one that ``error`` kept from being made."""
        return replace(self, outcome="failed", reason=str(error), retryable=error.retryable)


@dataclass(frozen=True)
class UserReport(Report[UserChange]):
    """All changes in the order in which they are made, none where everything is as desired; ``counts`` by kind."""

    dry_run: bool = True

    title = "Users"
    counted = "change"
    failure = "changes of users failed, the others were made"
    planned = "would "

    def to_records(self) -> list[dict[str, str]]:
        """Return one plain dict per change, for XCom or metadata."""
        return [
            {"email": i.email, "change": i.change, "value": i.value, "outcome": i.outcome, "reason": i.reason}
            for i in self.items
        ]


@dataclass(frozen=True)
class Workspace:
    """Who is in Dot now, by e-mail address in lower case, and whose token is used."""

    roles: Mapping[str, str]
    groups: Mapping[str, frozenset[str]]
    own_email: str

    @classmethod
    def of(cls, people: Sequence[User], teams: Sequence[Group], me: User) -> Workspace:
        """Join what the endpoints say: memberships stand with the users, with the groups, or with both.

        Raises:
            DotProtocolError: a user has no address; who is missing in the list would be invited, and others removed.
        """
        if not all(user.email for user in people):
            raise DotProtocolError("Dot lists a user without an e-mail address, so that nobody can be told apart.")
        members = {user.email.lower(): set(user.groups) for user in people}
        for group in teams:
            for email in group.members:
                members.setdefault(email.lower(), set()).add(group.name)
        roles = {user.email.lower(): user.role for user in people}
        return cls(roles, {email: frozenset(names) for email, names in members.items()}, me.email.lower())


def manage_users(
    desired: Iterable[Any],
    dry_run: bool = True,
    *,
    remove_users: bool = False,
    remove_from_groups: bool = False,
) -> Flow[UserReport]:
    """Invite who is missing, set roles and groups, and remove only what the caller says may be removed.

    ``GET /get_users``, ``GET /get_groups``, ``POST /send_invitations``, ``/change_user_role``, ``/add_user_to_group``,
    ``/remove_user_from_group``, ``/delete_user``; all need an admin's token. A second run changes nothing more.

    Args:
        desired: mappings with ``email``, and if they are to be set ``role`` (admin, modeler or user) and ``groups``.
        dry_run: True, the default, to send nothing and report what would be done.
        remove_users: also remove people who are not listed. The token's own user always stays.
        remove_from_groups: also take listed people out of groups that their row does not name.

    Raises:
        DotUsageError: a row is wrong, the list is empty where it would remove everybody, or it would take the token's
            own user the role of an admin.
        DotError: users could not be listed, or the token may not change them.
    """
    wanted = desired_users(desired)
    dry_run = checked_flag("dry_run", dry_run)
    remove_users = checked_flag("remove_users", remove_users)
    remove_from_groups = checked_flag("remove_from_groups", remove_from_groups)
    if remove_users and not wanted:
        raise DotUsageError("users is empty, and with remove_users that would remove everybody: nothing was changed.")
    people = yield from send(users())
    teams = yield from send(groups())
    me = yield from send(whoami())
    planned = plan_changes(
        wanted, Workspace.of(people, teams, me), remove_users=remove_users, remove_from_groups=remove_from_groups
    )
    items: list[UserChange] = []
    for change in planned:
        items.append(change if dry_run else (yield from _made(change)))
        yield from progress(items[-1].text)
    report = UserReport(tuple(items), dry_run)
    yield from progress(report.text)
    return report


def plan_changes(
    wanted: Sequence[DesiredUser], now: Workspace, *, remove_users: bool = False, remove_from_groups: bool = False
) -> list[UserChange]:
    """Return the changes that lead from ``now`` to what is wanted, invitations first, removals last."""
    own = next((user for user in wanted if user.email == now.own_email), None)
    if own is not None and own.role not in (None, "admin"):
        raise DotUsageError(
            f"{own.email} owns the token that is used here and must stay admin: use a service user's token, or "
            "leave out its role."
        )
    invitations = [UserChange(user.email, "invite") for user in wanted if user.email not in now.roles]
    settings = chain.from_iterable(_settings(user, now, remove_from_groups) for user in wanted)
    listed = {user.email for user in wanted} | {now.own_email}
    removals = [UserChange(email, "remove") for email in sorted(now.roles) if remove_users and email not in listed]
    return [*invitations, *settings, *removals]


def _settings(user: DesiredUser, now: Workspace, remove_from_groups: bool) -> Iterator[UserChange]:
    if user.role is not None and now.roles.get(user.email) != user.role:
        yield UserChange(user.email, "set role", user.role)
    if user.groups is None:
        return
    current = now.groups.get(user.email, frozenset())
    yield from (UserChange(user.email, "add to group", name) for name in user.groups if name not in current)
    if remove_from_groups:
        extra = sorted(current - set(user.groups))
        yield from (UserChange(user.email, "remove from group", name) for name in extra)


def _made(change: UserChange) -> Flow[UserChange]:
    try:
        yield from send(_call(change))
    except (DotAuthError, DotPermissionError):
        raise  # the token may not, so neither may the rest
    except DotError as error:
        return change.failed(error)
    return change.done()


def _call(change: UserChange) -> Call[Any]:
    if change.change == "invite":
        return send_invitations([change.email])
    if change.change == "set role":
        return change_user_role(change.email, change.value)
    if change.change == "add to group":
        return add_user_to_group(change.email, change.value)
    if change.change == "remove from group":
        return remove_user_from_group(change.email, change.value)
    return delete_user(change.email)
