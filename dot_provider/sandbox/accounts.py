"""The people of the workspace, their roles, groups and tokens."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Role = Literal["admin", "modeler", "user"]
ROLES: tuple[Role, ...] = get_args(Role)
ORG_ID = "sandbox"
DAY = 24 * 3600.0

ADMIN = "admin@sandbox.example"
MODELER = "modeler@sandbox.example"
USER = "user@sandbox.example"
PASSWORD = "dot-sandbox-password"  # noqa: S105 - the documented password of a local toy


@dataclass
class Account:
    """One person: ``status`` is ``active`` or ``invited``."""

    email: str
    realname: str
    role: Role = "user"
    groups: list[str] = field(default_factory=list)
    status: str = "active"
    password: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The account as ``/auth/me`` and ``/get_users`` show it."""
        return {
            "id": self.email,
            "email": self.email,
            "realname": self.realname,
            "role": self.role,
            "groups": sorted(self.groups),
            "status": self.status,
            "org_id": ORG_ID,
        }


@dataclass(frozen=True)
class _Grant:
    email: str
    expires: float | None


class TokenRefused(Exception):
    """The token is unknown, expired, or its account is gone; the message says which."""


class Accounts:
    """Accounts by email, and the tokens that stand for them."""

    def __init__(self, token: str) -> None:
        self.by_email: dict[str, Account] = {}
        self._grants: dict[str, _Grant] = {}
        for email, name, role, fixed_token in (
            (ADMIN, "Ada Admin", "admin", token),
            (MODELER, "Mo Modeler", "modeler", "dot-sandbox-modeler"),
            (USER, "Uma User", "user", "dot-sandbox-user"),
        ):
            self.by_email[email] = Account(email, name, role, ["everyone"], password=PASSWORD)  # type: ignore[arg-type]
            self._grants[fixed_token] = _Grant(email, None)
        self._grants["dot-sandbox-expired"] = _Grant(ADMIN, 0.0)

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group names, each with the emails of its members."""
        names = sorted({name for account in self.by_email.values() for name in account.groups})
        return {
            name: sorted(email for email, account in self.by_email.items() if name in account.groups) for name in names
        }

    def holder(self, token: str) -> Account:
        """Return the account a token stands for, or raise ``TokenRefused``."""
        grant = self._grants.get(token)
        if grant is None:
            raise TokenRefused("Invalid API token")
        if grant.expires is not None and grant.expires <= time.time():
            raise TokenRefused("API token has expired")
        account = self.by_email.get(grant.email)
        if account is None:
            raise TokenRefused("The user of this API token no longer exists")
        return account

    def issue(self, email: str, seconds: float, prefix: str = "") -> str:
        """Make a token for an account, valid for so many seconds, in the form of a JWT."""
        expires = time.time() + seconds
        claims = {"sub": email, "org_id": ORG_ID, "exp": int(expires), "jti": secrets.token_hex(8)}
        parts = ({"alg": "none", "typ": "JWT"}, claims, "sandbox")
        token = prefix + ".".join(_base64url(part) for part in parts)
        self._grants[token] = _Grant(email, expires)
        return token


def _base64url(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
