"""Users, groups, roles and invitations; for admins."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from dot_provider.sandbox.accounts import Account, Role
from dot_provider.sandbox.auth import Admin
from dot_provider.sandbox.workspace import InWorkspace, Workspace

router = APIRouter(prefix="/api")

Email = Annotated[str, Body(pattern=r"^[^@\s]+@[^@\s]+$")]


@router.get("/get_users")
async def users(workspace: InWorkspace, _: Admin) -> list[dict[str, Any]]:
    """List everybody, also those who were invited and have not come yet."""
    return [account.as_json() for account in workspace.accounts.by_email.values()]


@router.get("/get_groups")
async def groups(workspace: InWorkspace, _: Admin) -> list[dict[str, Any]]:
    """List the groups with their members."""
    return [{"id": name, "name": name, "users": members} for name, members in workspace.accounts.groups.items()]


@router.post("/send_invitations")
async def send_invitations(
    workspace: InWorkspace, _: Admin, emails: Annotated[list[str], Body(embed=True, min_length=1)]
) -> dict[str, Any]:
    """Invite people; those who are here already are left alone."""
    invited = [email for email in dict.fromkeys(emails) if email not in workspace.accounts.by_email]
    for email in invited:
        workspace.accounts.by_email[email] = Account(email, "", status="invited")
    return {"status": "success", "invited": invited}


@router.post("/create_user")
async def create_user(
    workspace: InWorkspace,
    _: Admin,
    email: Email,
    password: Annotated[str, Body(min_length=1)],
    realname: Annotated[str, Body()],
) -> dict[str, Any]:
    """Create a user with the lowest role."""
    known = workspace.accounts.by_email.get(email)
    if known is not None and known.status == "active":
        raise HTTPException(400, f"User {email} already exists")
    account = Account(email, realname, known.role if known else "user", password=password)
    workspace.accounts.by_email[email] = account
    return account.as_json()


@router.post("/delete_user")
async def delete_user(workspace: InWorkspace, admin: Admin, email: Annotated[str, Body(embed=True)]) -> dict[str, str]:
    """Delete a user, whose tokens stop working."""
    if email == admin.email:
        raise HTTPException(400, "You cannot delete yourself")
    _found(workspace, email)
    del workspace.accounts.by_email[email]
    return {"status": "success"}


@router.post("/change_user_role")
async def change_user_role(workspace: InWorkspace, _: Admin, email: Email, role: Annotated[Role, Body()]) -> Any:
    """Change the role of a user."""
    account = _found(workspace, email)
    account.role = role
    return account.as_json()


@router.post("/add_user_to_group")
async def add_user_to_group(
    workspace: InWorkspace, _: Admin, email: Email, group: Annotated[str, Body(min_length=1)]
) -> Any:
    """Add a user to a group, which is made if it does not exist."""
    account = _found(workspace, email)
    if group not in account.groups:
        account.groups.append(group)
    return account.as_json()


@router.post("/remove_user_from_group")
async def remove_user_from_group(workspace: InWorkspace, _: Admin, email: Email, group: Annotated[str, Body()]) -> Any:
    """Remove a user from a group."""
    account = _found(workspace, email)
    if group not in account.groups:
        raise HTTPException(404, f"User {email} is not in the group {group}")
    account.groups.remove(group)
    return account.as_json()


def _found(workspace: Workspace, email: str) -> Account:
    account = workspace.accounts.by_email.get(email)
    if account is None:
        raise HTTPException(404, f"User {email} not found")
    return account
