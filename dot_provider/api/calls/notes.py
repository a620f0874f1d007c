"""Notes, in today's form and in the single note of an older Dot."""

from __future__ import annotations

from dot_provider.api.call import Call
from dot_provider.api.calls.arguments import checked_text
from dot_provider.api.models.note import Note, Organization
from dot_provider.api.models.records import records_in
from dot_provider.api.models.reply import Reply
from dot_provider.api.paths import api_path


def notes() -> Call[list[Note]]:
    """List the notes. ``GET /org_notes``."""
    return Call(
        "list notes",
        "GET",
        api_path("org_notes"),
        lambda document: [Note.from_record(r) for r in records_in(document, "notes", "org_notes")],
    )


def create_note(title: str, markdown: str) -> Call[Reply]:
    """Create a note. ``POST /org_notes``; not repeatable, since Dot would keep both."""
    body = {"title": checked_text("title", title), "note": checked_text("markdown", markdown)}
    return Call(f"create note {title!r}", "POST", api_path("org_notes"), Reply, repeatable=False, body=body)


def update_note(note_id: str, title: str, markdown: str) -> Call[Reply]:
    """Replace a note. ``PUT /org_notes/{id}``."""
    body = {"title": checked_text("title", title), "note": checked_text("markdown", markdown)}
    return Call(f"update note {title!r}", "PUT", api_path("org_notes", ("note_id", note_id)), Reply, body=body)


def organization() -> Call[Organization]:
    """Return the workspace with its single note. ``GET /org``, on an older Dot."""
    return Call("read workspace", "GET", api_path("org"), Organization.from_record)


def save_organization_note(org_id: str, markdown: str) -> Call[Reply]:
    """Replace the single note of an older Dot. ``POST /save_note``."""
    return Call("save note", "POST", api_path("save_note"), Reply, body={"org_id": org_id, "note": markdown})
