"""Users, groups, roles and invitations, for admins; who am I; and the ways to get a token."""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Form, HTTPException, Query
from fastapi.responses import RedirectResponse

from dot_provider.sandbox.auth import ADMIN, DAY, Account, Admin, InWorkspace, Role, SignedIn
from dot_provider.sandbox.workspace import Workspace

router = APIRouter()

Email = Annotated[str, Body(pattern=r"^[^@\s]+@[^@\s]+$")]


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
    if account is None or not secrets.compare_digest((account.password or "").encode(), password.encode() or b"-"):
        raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Bearer"})
    return {"access_token": workspace.accounts.issue(account.email, DAY), "token_type": "bearer"}


@router.post("/api/auth/embedded_user_login")
async def embedded_user_login(
    workspace: InWorkspace, _: Admin, user_id: Annotated[str, Body(embed=True)]
) -> dict[str, str]:
    """Give an admin a token for one of their users, valid for 24 hours."""
    return {"access_token": workspace.accounts.issue(_found(workspace, user_id).email, DAY), "token_type": "bearer"}


@router.get("/cli-auth")
async def cli_login(
    workspace: InWorkspace, port: Annotated[int, Query(ge=1, le=65535)], state: str
) -> RedirectResponse:
    """Log the official command line tool in: send the browser back to it with a fresh token."""
    token = workspace.accounts.issue(ADMIN, 90 * DAY, prefix="dot-")
    return RedirectResponse(f"http://127.0.0.1:{port}/callback?token={token}&state={quote(state, safe='')}", 302)


@router.get("/api/get_users")
async def users(workspace: InWorkspace, _: Admin) -> list[dict[str, Any]]:
    """List everybody, also those who were invited and have not come yet."""
    return [account.as_json() for account in workspace.accounts.by_email.values()]


@router.get("/api/get_groups")
async def groups(workspace: InWorkspace, _: Admin) -> list[dict[str, Any]]:
    """List the groups with their members."""
    return [{"id": name, "name": name, "users": members} for name, members in workspace.accounts.groups.items()]


@router.post("/api/send_invitations")
async def send_invitations(
    workspace: InWorkspace, _: Admin, emails: Annotated[list[str], Body(embed=True, min_length=1)]
) -> dict[str, Any]:
    """Invite people; those who are here already are left alone."""
    invited = [email for email in dict.fromkeys(emails) if email not in workspace.accounts.by_email]
    workspace.accounts.by_email.update({email: Account(email, "", status="invited") for email in invited})
    return {"status": "success", "invited": invited}


@router.post("/api/create_user")
async def create_user(
    workspace: InWorkspace,
    _: Admin,
    email: Email,
    password: Annotated[str, Body(min_length=1)],
    realname: Annotated[str, Body()],
) -> Any:
    """Create a user with the lowest role."""
    known = workspace.accounts.by_email.get(email)
    if known is not None and known.status == "active":
        raise HTTPException(400, f"User {email} already exists")
    account = Account(email, realname, known.role if known else "user", password=password)
    workspace.accounts.by_email[email] = account
    return account.as_json()


@router.post("/api/delete_user")
async def delete_user(workspace: InWorkspace, admin: Admin, email: Annotated[str, Body(embed=True)]) -> dict[str, str]:
    """Delete a user, whose tokens stop working."""
    if email == admin.email:
        raise HTTPException(400, "You cannot delete yourself")
    del workspace.accounts.by_email[_found(workspace, email).email]
    return {"status": "success"}


@router.post("/api/change_user_role")
async def change_user_role(workspace: InWorkspace, _: Admin, email: Email, role: Annotated[Role, Body()]) -> Any:
    """Change the role of a user."""
    account = _found(workspace, email)
    account.role = role
    return account.as_json()


@router.post("/api/add_user_to_group")
async def add_user_to_group(
    workspace: InWorkspace, _: Admin, email: Email, group: Annotated[str, Body(min_length=1)]
) -> Any:
    """Add a user to a group, which is made if it does not exist."""
    account = _found(workspace, email)
    account.groups = list(dict.fromkeys([*account.groups, group]))
    return account.as_json()


@router.post("/api/remove_user_from_group")
async def remove_user_from_group(workspace: InWorkspace, _: Admin, email: Email, group: Annotated[str, Body()]) -> Any:
    """Remove a user from a group."""
    account = _found(workspace, email)
    if group not in account.groups:
        raise HTTPException(404, f"User {email} is not in the group {group}")
    account.groups.remove(group)
    return account.as_json()


def _found(workspace: Workspace, email: str) -> Account:
    if email not in workspace.accounts.by_email:
        raise HTTPException(404, f"User {email} not found")
    return workspace.accounts.by_email[email]
