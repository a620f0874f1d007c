"""Who am I, health, and the ways to get a token."""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Form, HTTPException, Query
from fastapi.responses import RedirectResponse

from dot_provider.sandbox.accounts import ADMIN, DAY
from dot_provider.sandbox.auth import Admin, SignedIn
from dot_provider.sandbox.workspace import InWorkspace

router = APIRouter()


@router.get("/api/healthcheck")
async def healthcheck() -> dict[str, str]:
    """Say that the server is up; needs no token."""
    return {"status": "ok"}


@router.get("/api/auth/me")
async def me(account: SignedIn) -> dict[str, Any]:
    """Show the account of the token."""
    return account.as_json()


@router.post("/api/auth/token")
async def password_login(
    workspace: InWorkspace,
    username: Annotated[str, Form()],
    password: Annotated[str, Form()],
    grant_type: Annotated[str, Form(pattern="^password$")] = "password",
) -> dict[str, str]:
    """Exchange a user name and password for a token to be sent as ``Authorization: Bearer``."""
    account = workspace.accounts.by_email.get(username)
    known = account.password if account is not None else None
    if account is None or known is None or not secrets.compare_digest(known.encode(), password.encode()):
        raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Bearer"})
    return {"access_token": workspace.accounts.issue(account.email, DAY), "token_type": "bearer"}


@router.post("/api/auth/embedded_user_login")
async def embedded_user_login(
    workspace: InWorkspace, _: Admin, user_id: Annotated[str, Body(embed=True)]
) -> dict[str, str]:
    """Give an admin a token for one of their users, valid for 24 hours."""
    if not workspace.settings.embedded_login:
        raise HTTPException(403, "Allow admins to authenticate for users in the workspace settings first.")
    if user_id not in workspace.accounts.by_email:
        raise HTTPException(404, f"User {user_id} not found")
    return {"access_token": workspace.accounts.issue(user_id, DAY), "token_type": "bearer"}


@router.get("/cli-auth")
async def cli_login(
    workspace: InWorkspace, port: Annotated[int, Query(ge=1, le=65535)], state: str
) -> RedirectResponse:
    """Log the official command line tool in: send the browser back to it with a fresh token."""
    token = workspace.accounts.issue(ADMIN, 90 * DAY, prefix="dot-")
    return RedirectResponse(f"http://127.0.0.1:{port}/callback?token={token}&state={quote(state, safe='')}", 302)
