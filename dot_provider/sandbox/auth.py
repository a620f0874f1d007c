"""FastAPI dependencies that check who asks: 401 without a good token, 403 when the role is too low."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError

from dot_provider.sandbox.accounts import Account, Role, TokenRefused
from dot_provider.sandbox.workspace import InWorkspace, Workspace

_Check = Callable[[Request, Workspace], Awaitable[Account]]


def _token_in_header(request: Request, workspace: Workspace) -> str | None:
    for name in workspace.settings.token_headers:
        if name in request.headers:
            return request.headers[name]
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _holder(workspace: Workspace, token: str | None) -> Account:
    if not token:
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
    try:
        return workspace.accounts.holder(token)
    except TokenRefused as refused:
        raise HTTPException(401, str(refused), {"WWW-Authenticate": "Bearer"}) from None


def _checked_role(account: Account, roles: tuple[Role, ...]) -> Account:
    if roles and account.role not in roles:
        needed = " or ".join(roles)
        raise HTTPException(403, f"This needs the role {needed}; the token's role is {account.role}.")
    return account


def _by_header(*roles: Role) -> _Check:
    async def check(request: Request, workspace: InWorkspace) -> Account:
        return _checked_role(_holder(workspace, _token_in_header(request, workspace)), roles)

    return check


def _by_header_or_url(*roles: Role) -> _Check:
    async def check(request: Request, workspace: InWorkspace) -> Account:
        query = request.query_params
        if workspace.settings.url_auth_only:
            missing = [name for name in ("user_id", "api_token") if name not in query]
            if missing:
                raise RequestValidationError(
                    [{"type": "missing", "loc": ("query", name), "msg": "Field required"} for name in missing]
                )
            token = query["api_token"]
        else:
            token = _token_in_header(request, workspace) or query.get("api_token", "")
        account = _holder(workspace, token)
        if "api_token" in query and query.get("user_id", account.email) != account.email:
            raise HTTPException(401, "The API token does not belong to this user_id")
        return _checked_role(account, roles)

    return check


SignedIn = Annotated[Account, Depends(_by_header())]
Modeler = Annotated[Account, Depends(_by_header("admin", "modeler"))]
Admin = Annotated[Account, Depends(_by_header("admin"))]
ModelerByUrl = Annotated[Account, Depends(_by_header_or_url("admin", "modeler"))]
AdminByUrl = Annotated[Account, Depends(_by_header_or_url("admin"))]
