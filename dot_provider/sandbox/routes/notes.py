"""Notes that Dot reads as context: many of them in newer versions, a single one in older."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, Field

from dot_provider.sandbox.accounts import ORG_ID
from dot_provider.sandbox.auth import Modeler, SignedIn
from dot_provider.sandbox.routes.scope import InEnvironment
from dot_provider.sandbox.workspace import InWorkspace

router = APIRouter(prefix="/api")
newer = APIRouter(prefix="/api")


class Note(BaseModel):
    """The text of a note, in markdown, under its title."""

    title: str = Field(min_length=1)
    note: str


@newer.get("/org_notes")
async def notes(workspace: InWorkspace, _: SignedIn, environment: InEnvironment) -> list[dict[str, str]]:
    """List the notes."""
    return list(workspace.content(environment).notes.values())


@newer.post("/org_notes")
async def create_note(workspace: InWorkspace, _: Modeler, environment: InEnvironment, note: Note) -> dict[str, str]:
    """Add a note; titles need not be unique."""
    created = {"id": workspace.next_id("note"), "title": note.title, "note": note.note}
    workspace.content(environment).notes[created["id"]] = created
    return created


@newer.put("/org_notes/{note_id}")
async def replace_note(
    workspace: InWorkspace, _: Modeler, environment: InEnvironment, note_id: str, note: Note
) -> dict[str, str]:
    """Replace the title and text of a note."""
    notes = workspace.content(environment).notes
    if note_id not in notes:
        raise HTTPException(404, f"Note {note_id} not found")
    notes[note_id] = {"id": note_id, "title": note.title, "note": note.note}
    return notes[note_id]


@router.get("/org")
async def organization(workspace: InWorkspace, _: SignedIn, environment: InEnvironment) -> dict[str, Any]:
    """Show the organization with its single note."""
    return {"id": ORG_ID, "name": "Sandbox", "note": workspace.content(environment).org_note}


@router.post("/save_note")
async def save_note(
    workspace: InWorkspace,
    _: Modeler,
    environment: InEnvironment,
    note: Annotated[str, Body()],
    org_id: Annotated[str, Body()] = ORG_ID,
) -> dict[str, str]:
    """Replace the single note of the organization."""
    if org_id != ORG_ID:
        raise HTTPException(403, f"The token does not belong to the organization {org_id}.")
    workspace.content(environment).org_note = note
    return {"status": "success"}
