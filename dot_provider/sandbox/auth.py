"""Who asks: the people of the workspace, their roles and tokens, and FastAPI dependencies that check them.

A request without a good token is a 401, one whose role is too low a 403, one of an unknown environment a 404.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, Header, HTTPException, Request

if TYPE_CHECKING:
    from dot_provider.sandbox.workspace import Workspace

Role = Literal["admin", "modeler", "user"]
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
        known = {name: getattr(self, name) for name in ("email", "realname", "role", "status")}
        return {"id": self.email, **known, "groups": sorted(self.groups), "org_id": ORG_ID}


class Accounts:
    """Accounts by email, and the tokens that stand for them, each with the time it expires."""

    def __init__(self, token: str) -> None:
        self.by_email = {
            ADMIN: Account(ADMIN, "Ada Admin", "admin", ["everyone"], password=PASSWORD),
            MODELER: Account(MODELER, "Mo Modeler", "modeler", ["everyone"], password=PASSWORD),
            USER: Account(USER, "Uma User", "user", ["everyone"], password=PASSWORD),
        }
        forever = float("inf")
        self._tokens = {
            "dot-sandbox-modeler": (MODELER, forever),
            "dot-sandbox-user": (USER, forever),
            "dot-sandbox-expired": (ADMIN, 0.0),
            token: (ADMIN, forever),
        }

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group names, each with the emails of its members."""
        everybody = self.by_email.values()
        names = sorted({name for account in everybody for name in account.groups})
        return {name: sorted(account.email for account in everybody if name in account.groups) for name in names}

    def holder(self, token: str | None) -> Account:
        """Return the account a token stands for; anything else is a 401."""
        email, expires = self._tokens.get(token or "", ("", 0.0))
        account = self.by_email.get(email)
        if account is not None and expires > time.time():
            return account
        gone = "API token has expired" if account else "The user of this API token no longer exists"
        refusal = "Not authenticated" if not token else gone if email else "Invalid API token"
        raise HTTPException(401, refusal, {"WWW-Authenticate": "Bearer"})

    def issue(self, email: str, seconds: float, prefix: str = "") -> str:
        """Make a token for an account, valid for so many seconds, in the form of a JWT."""
        expires = time.time() + seconds
        claims = {"sub": email, "org_id": ORG_ID, "exp": int(expires), "jti": secrets.token_hex(8)}
        parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims, "sandbox"))
        token = prefix + ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        self._tokens[token] = (email, expires)
        return token


async def _workspace(request: Request) -> Any:
    return request.app.state.workspace


# The workspace holds what the files of the nouns define, so they cannot import it while they are imported themselves.
if TYPE_CHECKING:
    InWorkspace = Annotated[Workspace, Depends(_workspace)]
else:
    InWorkspace = Annotated[Any, Depends(_workspace)]


def _check(*roles: Role, by_url: bool = False) -> Callable[[Request, Workspace], Awaitable[Account]]:
    async def check(request: Request, workspace: InWorkspace) -> Account:
        token = _token_in_header(request)
        account = _by_url(request, workspace, token) if by_url else workspace.accounts.holder(token)
        if roles and account.role not in roles:
            needed = " or ".join(roles)
            raise HTTPException(403, f"This needs the role {needed}; the token's role is {account.role}.")
        return account

    return check


def _token_in_header(request: Request) -> str | None:
    for name in ("x-api-key", "api-key"):
        if name in request.headers:
            return request.headers[name]
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _by_url(request: Request, workspace: Workspace, token: str | None) -> Account:
    query = request.query_params
    account = workspace.accounts.holder(token or query.get("api_token"))
    if "api_token" in query and query.get("user_id", account.email) != account.email:
        raise HTTPException(401, "The API token does not belong to this user_id")
    return account


async def _environment(workspace: InWorkspace, x_dot_environment: Annotated[str | None, Header()] = None) -> str | None:
    if x_dot_environment is None or workspace.settings.older:
        return None
    return workspace.environment(x_dot_environment).id


async def _base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


SignedIn = Annotated[Account, Depends(_check())]
Modeler = Annotated[Account, Depends(_check("admin", "modeler"))]
Admin = Annotated[Account, Depends(_check("admin"))]
ModelerByUrl = Annotated[Account, Depends(_check("admin", "modeler", by_url=True))]
AdminByUrl = Annotated[Account, Depends(_check("admin", by_url=True))]
InEnvironment = Annotated[str | None, Depends(_environment)]
BaseUrl = Annotated[str, Depends(_base_url)]
"""The address under which the caller reached the sandbox."""
