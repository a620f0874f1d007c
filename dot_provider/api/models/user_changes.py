"""Who should be in a workspace, and what became of bringing that about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from dot_provider.api.calls.arguments import checked_email
from dot_provider.api.errors import DotError, DotUsageError, brief
from dot_provider.api.models.completeness import refuse_failures
from dot_provider.api.models.user import ROLES

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
        if groups is not None and (isinstance(groups, str) or not isinstance(groups, Iterable)):
            raise DotUsageError(f"{row}: groups must be a list of names, not {type(groups).__name__}.")
        names = None if groups is None else tuple(groups)
        if any(not isinstance(name, str) or not name.strip() for name in names or ()):
            raise DotUsageError(f"{row}: a group's name must be a text that is not empty.")
        return cls(email, role, names and tuple(dict.fromkeys(names)))


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
class UserReport:
    """All changes in the order in which they are made; none where everything is as desired."""

    items: Sequence[UserChange] = ()
    dry_run: bool = True

    @property
    def counts(self) -> dict[str, int]:
        """How many changes there are of each kind."""
        return dict(Counter(item.change for item in self.items))

    @property
    def text(self) -> str:
        """One line for logs."""
        would = "would " if self.dry_run else ""
        counts = ", ".join(f"{count} {would}{change}" for change, count in sorted(self.counts.items()))
        return f"Users{' (dry run)' if self.dry_run else ''}: {counts or 'nothing to do'}"

    def to_records(self) -> list[dict[str, str]]:
        """Return one plain dict per change, for XCom or metadata."""
        return [
            {"email": i.email, "change": i.change, "value": i.value, "outcome": i.outcome, "reason": i.reason}
            for i in self.items
        ]

    def require_complete(self) -> UserReport:
        """Return the report where nothing failed.

        Raises:
            DotPartialError: some changes failed; retryable where one of the failures can pass.
        """
        what = "changes of users failed, the others were made"
        refuse_failures(self.items, what)
        return self
