"""Creating or replacing a note by its title, on today's Dot and on an older one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from dot_provider.api.call import Flow, progress, send
from dot_provider.api.calls.arguments import checked_text
from dot_provider.api.calls.notes import (
    create_note,
    notes,
    organization,
    save_organization_note,
    update_note,
)
from dot_provider.api.errors import DotNotFoundError


@dataclass(frozen=True)
class UpsertedNote:
    """What became of a note: created, updated, or unchanged because it already said the same."""

    title: str
    outcome: Literal["created", "updated", "unchanged"]


def upsert_note(title: str, markdown: str) -> Flow[UpsertedNote]:
    """Create the note ``title``, or replace it where it exists; the same twice changes nothing.

    ``/org_notes``, or on an older Dot a marked section of the workspace's single note (``/org``, ``/save_note``), whose
    other text is left as it is.

    Raises:
        DotUsageError: title or text is empty.
        DotError: a call failed.
    """
    checked_text("title", title)
    checked_text("markdown", markdown)
    try:
        existing = yield from send(notes())
    except DotNotFoundError:
        return (yield from _upsert_section(title, markdown))
    found = next((note for note in existing if note.title.strip() == title.strip()), None)
    if found is not None and found.markdown == markdown:
        return (yield from _done(title, "unchanged"))
    if found is not None:
        yield from send(update_note(found.id, title, markdown))
        return (yield from _done(title, "updated"))
    yield from send(create_note(title, markdown))
    return (yield from _done(title, "created"))


def _upsert_section(title: str, markdown: str) -> Flow[UpsertedNote]:
    workspace = yield from send(organization())
    name = " ".join(re.sub(r'["<>&]', " ", title).split())
    # The end mark must not occur within, or the next update would leave the rest of this one behind.
    inner = markdown.replace("</note", "&lt;/note")
    opening, closing = f'<note title="{name}">', "</note>"
    section = f"{opening}\n\n{inner}\n\n{closing}"
    before, _, rest = workspace.note.partition(opening)
    old, there, after = rest.partition(closing)
    if there and opening + old + closing == section:
        return (yield from _done(title, "unchanged"))
    others = workspace.note.rstrip()
    added = f"{others}\n\n{section}" if others else section
    text = before + section + after if there else added
    yield from send(save_organization_note(workspace.id, text))
    return (yield from _done(title, "updated" if there else "created"))


def _done(title: str, outcome: Literal["created", "updated", "unchanged"]) -> Flow[UpsertedNote]:
    yield from progress(f"Note {title!r} {outcome}")
    return UpsertedNote(title, outcome)
