"""Notes that Dot reads as context: many of them in newer versions, a single one in older."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, Field

from dot_provider.sandbox.auth import ORG_ID, InWorkspace, Modeler, SignedIn
from dot_provider.sandbox.environments import InContent

router = APIRouter(prefix="/api")
newer = APIRouter(prefix="/api")


class Note(BaseModel):
    """The text of a note, in markdown, under its title."""

    title: str = Field(min_length=1)
    note: str


@newer.get("/org_notes")
async def notes(_: SignedIn, content: InContent) -> list[dict[str, str]]:
    """List the notes."""
    return list(content.notes.values())


@newer.post("/org_notes")
async def create_note(workspace: InWorkspace, _: Modeler, content: InContent, note: Note) -> dict[str, str]:
    """Add a note; titles need not be unique."""
    id_ = workspace.next_id("note")
    content.notes[id_] = {"id": id_, **note.model_dump()}
    return content.notes[id_]


@newer.put("/org_notes/{note_id}")
async def replace_note(_: Modeler, content: InContent, note_id: str, note: Note) -> dict[str, str]:
    """Replace the title and text of a note."""
    if note_id not in content.notes:
        raise HTTPException(404, f"Note {note_id} not found")
    content.notes[note_id] = {"id": note_id, **note.model_dump()}
    return content.notes[note_id]


@router.get("/org")
async def organization(_: SignedIn, content: InContent) -> dict[str, Any]:
    """Show the organization with its single note."""
    return {"id": ORG_ID, "name": "Sandbox", "note": content.org_note}


@router.post("/save_note")
async def save_note(
    _: Modeler, content: InContent, note: Annotated[str, Body()], org_id: Annotated[str, Body()] = ORG_ID
) -> dict[str, str]:
    """Replace the single note of the organization."""
    if org_id != ORG_ID:
        raise HTTPException(403, f"The token does not belong to the organization {org_id}.")
    content.org_note = note
    return {"status": "success"}
