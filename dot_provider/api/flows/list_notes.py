"""Listing the notes, on today's Dot and on an older one."""

from __future__ import annotations

from dot_provider.api.call import Flow, send
from dot_provider.api.calls.notes import notes, organization
from dot_provider.api.errors import DotNotFoundError
from dot_provider.api.models.note import Note


def list_notes() -> Flow[list[Note]]:
    """Return the notes of the workspace; on an older Dot its single note, whose id and title are empty.

    ``GET /org_notes``, or ``GET /org`` where that is not known.

    Raises:
        DotError: a call failed.
    """
    try:
        return (yield from send(notes()))
    except DotNotFoundError:
        pass
    workspace = yield from send(organization())
    return [Note("", "", workspace.note, workspace.raw)] if workspace.note else []
