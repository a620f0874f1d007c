"""``dagster_dot.DotNoteComponent``: written knowledge that Dot reads before it answers."""

from __future__ import annotations

from typing import Annotated, ClassVar

import dagster as dg

from dagster_dot.asset_factory import Materialize
from dagster_dot.components.base import Catalog, DotAssetComponent
from dagster_dot.components.hints import text
from dagster_dot.components.scaffolding import NoteParams, scaffolded_by
from dagster_dot.note import note_spec, writing


@scaffolded_by(NoteParams)
class DotNoteComponent(DotAssetComponent):
    """Keeps a note of Dot's in step with the text in this project."""

    catalog: ClassVar = Catalog("Dot: keep a note", "Keeps a note that Dot reads before it answers.")

    title: Annotated[str, text("The note's title, which identifies it.", examples=["Revenue"])]
    markdown: Annotated[str | None, text("The note's text.", multiline=True)] = None
    html: Annotated[str | None, text("Its text as HTML instead.", multiline=True)] = None

    def get_asset_spec(self) -> dg.AssetSpec:
        """Return the spec; the key is ``dot/<words of the title>`` by default."""
        return note_spec(self.title, **self.asset_options)

    def get_step(self) -> Materialize:
        """Return what creates the note, or replaces it where its text changed."""
        return writing(self.get_asset_spec().key, **self.arguments(writing))
